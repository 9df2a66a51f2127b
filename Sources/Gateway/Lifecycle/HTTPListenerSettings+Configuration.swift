import Configuration
import HTTP2
import HTTPServer
import NIOCore
import HTTPSyntax
import Transports
import WireFormat

extension HTTPListenerSettings {
  init(_ configuration: GatewayConfiguration) {
    self.init()
    let limits = configuration.limits
    parser.startLine = limits.requestLineBytes
    parser.headerBytes = limits.headerBytes
    requestHeadTime = limits.requestHeadTime.timeAmount
    bodyTime = limits.requestBodyTime.timeAmount
    idleTime = limits.idleTime.timeAmount
    stallTime = limits.stalledWriteTime.timeAmount
    connections = limits.connections
    connectionsPerAddress = limits.connectionsPerAddress
    handshakeTime = limits.tlsHandshakeTime.timeAmount
    trustedProxies = AddressRanges(configuration.proxy.trusted)
    expectsProxyHeader = configuration.proxy.protocol == .v2
    http2.streams = limits.http2Streams
    http2.resets = Self.rate(limits.http2Resets)
    http2.controlFrames = Self.rate(limits.http2ControlFrames)
    http2.continuations = limits.http2Continuations
    http2.headerBytes = limits.headerBytes + limits.requestLineBytes
    http2.headerCount = parser.headerCount
    bufferedInput = max(limits.batchBytes, limits.messageBytes) + (64 << 10)
  }
}

extension HTTPListenerSettings {
  /// So many at once, and a tenth of that again each second.
  private static func rate(_ burst: Int) -> HTTP2Settings.Rate {
    HTTP2Settings.Rate(burst: burst, perSecond: max(1, burst / 10))
  }
}

extension Duration {
  var timeAmount: TimeAmount { .milliseconds(Int64(milliseconds)) }
}

extension HTTPResponse {
  /// The words for what the server refuses before any route. An event stream that is refused for capacity is told in
  /// a stream when to come back, like one that a route refuses.
  init(_ fault: HTTPFault, _ head: RequestHead?, _ configuration: GatewayConfiguration) {
    let limits = configuration.limits
    let problem: Problem =
      switch fault {
      case .badRequest(let detail): .badRequest(detail)
      case .requestTimeout: .requestTimeout(seconds: limits.requestHeadTime.wholeSeconds)
      case .payloadTimeout: .payloadTimeout(seconds: limits.requestBodyTime.wholeSeconds)
      case .uriTooLong(let limit): .uriTooLong(limit: limit)
      case .expectationFailed: .expectationFailed
      case .tooManyConnectionsFromAddress(let retryAfter):
        .tooManyConnectionsFromAddress(limit: limits.connectionsPerAddress, retryAfter: retryAfter)
      case .headersTooLarge(let limit): .headersTooLarge(limit: limit)
      case .notImplemented(let coding): .transferCodingNotImplemented(coding)
      case .tooManyConnections(let retryAfter): .tooManyConnections(retryAfter: retryAfter)
      case .versionNotSupported: .versionNotSupported
      }
    guard let head else {
      self.init(problem)
      return
    }
    let crossOrigin = CrossOrigin(configuration)
    let headers = (try? crossOrigin.check(origin: head.headers.first(name: "origin"), authority: head.host)) ?? [:]
    if problem.retryAfter != nil, head.headers[canonicalForm: "accept"].contains("text/event-stream") {
      self.init(eventStreamRefusal: problem, retryMilliseconds: configuration.reconnect.min.milliseconds, headers)
    } else {
      self.init(problem, headers: headers)
    }
  }
}
