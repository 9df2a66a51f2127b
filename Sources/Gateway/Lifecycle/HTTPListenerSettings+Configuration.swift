import HTTPServer
import NIOCore
import NIOHTTP1
import Transports
import WireFormat

extension HTTPListenerSettings {
  init(_ configuration: GatewayConfiguration) {
    self.init()
    let limits = configuration.limits
    parser.requestLine = limits.requestLineBytes
    parser.headerBytes = limits.headerBytes
    requestHeadTime = limits.requestHeadTime.timeAmount
    bodyTime = limits.requestBodyTime.timeAmount
    idleTime = limits.idleTime.timeAmount
    stallTime = limits.stalledWriteTime.timeAmount
    connections = limits.connections
    connectionsPerAddress = limits.connectionsPerAddress
    bufferedInput = max(limits.batchBytes, limits.messageBytes) + (64 << 10)
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
    let crossOrigin = CrossOrigin(origins: configuration.cors.origins)
    let headers = (try? crossOrigin.check(origin: head.headers.first(name: "origin"), authority: head.host)) ?? [:]
    if problem.retryAfter != nil, head.headers[canonicalForm: "accept"].contains("text/event-stream") {
      self.init(eventStreamRefusal: problem, retryMilliseconds: configuration.reconnect.min.milliseconds, headers)
    } else {
      self.init(problem, headers: headers)
    }
  }
}
