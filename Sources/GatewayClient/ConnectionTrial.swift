import NIOCore
import NIOPosix
package import TLS

/// One connection that is made only to see how that goes, step by step: the name, TCP, TLS.
package struct ConnectionTrial: Sendable {
  /// How long the steps took, each as far as it came.
  package var lookup: Duration?
  package var connect: Duration?
  /// Nil in clear text, too.
  package var handshake: Duration?
  /// The one that took the connection, else the first one the name has; with the port.
  package var address: String?
  /// What was agreed on by ALPN.
  package var applicationProtocol: String?
  /// `TLSv1.3`.
  package var tlsVersion: String?
  package var certificate: CertificateSummary?
  /// Why the next step did not succeed.
  package var failure: GatewayClientError?

  package init() {}

  /// - Parameters:
  ///   - applicationProtocols: offered by ALPN, the most wanted first.
  ///   - timeout: for each of the steps.
  /// - Throws: `CancellationError` only: everything else is a result.
  package static func run(
    to url: GatewayURL, applicationProtocols: [String] = ["h2", "http/1.1"], timeout: Duration = .seconds(5)
  ) async throws -> ConnectionTrial {
    var trial = ConnectionTrial()
    do {
      try await trial.run(url, applicationProtocols, timeout)
    } catch let error as GatewayClientError {
      trial.failure = error
    } catch let error as CancellationError {
      throw error
    } catch {
      trial.failure = ConnectionFailure.unreachable(url, error)
    }
    return trial
  }

  private static func words(_ address: SocketAddress) -> String? {
    guard let host = address.ipAddress, let port = address.port else { return nil }
    return "\(GatewayURL.bracketed(host)):\(port)"
  }

  private mutating func run(_ url: GatewayURL, _ applicationProtocols: [String], _ timeout: Duration) async throws {
    let clock = ContinuousClock()
    var began = clock.now
    let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    let found: SocketAddress
    do {
      found = try await NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
        try SocketAddress.makeAddressResolvingHost(url.host, port: url.port)
      }.getOrCancel { _ in }
    } catch is SocketAddressError.UnknownHost {
      throw GatewayClientError.unreachable("the name \"\(url.host)\" is not known")
    }
    lookup = clock.now - began
    address = Self.words(found)
    began = clock.now
    let trial: Connected
    do {
      trial = try await Connected.by(url, applicationProtocols, timeout, eventLoop, address: found)
    } catch let error where !(error is CancellationError) {
      // The name's other addresses, side by side.
      began = clock.now
      trial = try await Connected.by(url, applicationProtocols, timeout, eventLoop)
    }
    defer { trial.channel.close(promise: nil) }
    connect = clock.now - began
    if let taken = trial.channel.remoteAddress { address = Self.words(taken) }
    guard url.isSecure else { return }
    began = clock.now
    let late = eventLoop.scheduleTask(in: TimeAmount(timeout)) { trial.handler.value.timedOut(after: timeout) }
    defer { late.cancel() }
    let session = try await trial.session.getOrCancel { _ in }
    handshake = clock.now - began
    applicationProtocol = session.applicationProtocol
    tlsVersion = session.version
    certificate = session.certificate
  }
}

/// A connection, and what waits on it.
private struct Connected: Sendable {
  var channel: any Channel
  var handler: NIOLoopBound<TrialHandler>
  var session: EventLoopFuture<SessionSummary>

  /// - Parameter address: nil: all that the name has.
  static func by(
    _ url: GatewayURL, _ applicationProtocols: [String], _ timeout: Duration, _ eventLoop: any EventLoop,
    address: SocketAddress? = nil
  ) async throws -> Connected {
    try await url.connect(on: eventLoop, address: address, timeout: timeout) { channel in
      let trial = TrialHandler(eventLoop: channel.eventLoop)
      do {
        try url.secure(channel, applicationProtocols: applicationProtocols) { trial.established($0) }
        try channel.pipeline.syncOperations.addHandler(trial)
      } catch {
        trial.fail(error)
        throw error
      }
      return Connected(
        channel: channel, handler: NIOLoopBound(trial, eventLoop: channel.eventLoop), session: trial.summary)
    } discard: {
      $0.channel.close(promise: nil)
    }
  }
}

/// What is known of a session once it stands.
private struct SessionSummary: Sendable {
  var applicationProtocol: String?
  var version: String
  var certificate: CertificateSummary?
}

/// Waits for the handshake.
private final class TrialHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  let summary: EventLoopFuture<SessionSummary>
  private let promise: EventLoopPromise<SessionSummary>
  private var isSettled = false

  init(eventLoop: any EventLoop) {
    promise = eventLoop.makePromise(of: SessionSummary.self)
    summary = promise.futureResult
  }

  func established(_ session: TLSSession) {
    settle(
      .success(
        SessionSummary(
          applicationProtocol: session.applicationProtocol, version: session.version,
          certificate: session.peerCertificate)))
  }

  func timedOut(after limit: Duration) {
    fail(GatewayClientError.timedOut("no TLS handshake within \(TimeAmount(limit).inSeconds)"))
  }

  func fail(_ error: any Error) { settle(.failure(error)) }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    fail(ConnectionFailure.lost(error))
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    fail(GatewayClientError.connectionLost("it was closed before TLS was agreed on"))
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { fail(GatewayClientError.clientClosed) }

  private func settle(_ result: Result<SessionSummary, any Error>) {
    guard !isSettled else { return }
    isSettled = true
    promise.completeWith(result)
  }
}
