import HTTP2
import NIOCore

/// Carries one HTTP/2 connection on its channel, on its event loop.
final class HTTP2ClientHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  typealias Continuation = AsyncThrowingStream<HTTP2AnswerPart, any Error>.Continuation

  private static let stride = 64 << 10

  private let eventLoop: any EventLoop
  private let agreement: EventLoopPromise<Void>
  private var isReady = false
  private var hasFailed = false
  private var connection: HTTP2Connection?
  private var context: ChannelHandlerContext?
  private var answers: [Int32: Continuation] = [:]

  init(eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
    agreement = eventLoop.makePromise(of: Void.self)
  }

  /// Succeeds when HTTP/2 is agreed on.
  var ready: EventLoopFuture<Void> { agreement.futureResult }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    fail(GatewayClientError.clientClosed)
    connection?.free()
    connection = nil
    self.context = nil
  }

  private var now: UInt64 { eventLoop.now.uptimeNanoseconds / 1_000_000 }

  // MARK: - From the caller

  func begin(applicationProtocol: String?) {
    guard applicationProtocol == "h2" else {
      return fail(GatewayClientError.notUnderstood("it does not choose h2 by ALPN"))
    }
    connection = HTTP2Connection(HTTP2Settings(), role: .client, now: now)
    isReady = true
    agreement.succeed(())
    flush()
  }

  var takesWebSockets: Bool { connection?.peerTakesWebSockets ?? false }

  func open(
    _ method: String, _ url: GatewayURL, _ headers: [(name: String, value: String)], protocol: String?,
    _ continuation: Continuation
  ) {
    var fields = HTTP2Fields(method: method, authority: url.authority, path: url.target, protocol: `protocol`)
    for (name, value) in headers { fields.add(name.utf8, value.utf8) }
    guard !hasFailed, let stream = connection?.request(fields, endsStream: `protocol` == nil) else {
      return continuation.finish(throwing: GatewayClientError.connectionLost("it takes no more requests"))
    }
    answers[stream] = continuation
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    continuation.onTermination = { [eventLoop] _ in
      eventLoop.execute { bound.value.dismiss(stream) }
    }
    flush()
  }

  private func dismiss(_ stream: Int32) {
    guard answers.removeValue(forKey: stream) != nil else { return }
    connection?.reset(stream, .cancel)
    flush()
  }

  func fail(_ error: any Error) {
    guard !hasFailed else { return }
    hasFailed = true
    if !isReady { agreement.fail(error) }
    let open = answers
    answers = [:]
    for continuation in open.values { continuation.finish(throwing: error) }
    context?.close(promise: nil)
  }

  // MARK: - From the gateway

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard let connection, !hasFailed else { return }
    do throws(HTTP2Violation) {
      let now = now
      try unwrapInboundIn(data).withUnsafeReadableBytes { (bytes) throws(HTTP2Violation) in
        try connection.receive(bytes, now: now)
      }
    } catch {
      flush()
      return fail(GatewayClientError.notUnderstood("\(error)"))
    }
    while let event = connection.nextEvent() { handle(event, connection) }
    flush()
  }

  private func handle(_ event: HTTP2Event, _ connection: HTTP2Connection) {
    switch event {
    case .head(let stream, let head, _):
      guard head.status >= 200 else { return }
      let headers = head.fields.map { field in
        (
          name: String(decoding: head.bytes[field.name], as: UTF8.self),
          value: String(decoding: head.bytes[field.value], as: UTF8.self)
        )
      }
      answers[stream]?.yield(.head(status: head.status, headers: headers))
    case .body(let stream, let bytes):
      connection.consume(stream, bytes.readableBytes)
      answers[stream]?.yield(.body(bytes))
    case .inputEnded(let stream):
      answers[stream]?.finish()
    case .closed(let stream, let code):
      guard let answer = answers.removeValue(forKey: stream) else { return }
      answer.finish(
        throwing: code == 0 ? nil : GatewayClientError.connectionLost("its HTTP/2 stream was reset (\(code))"))
    case .goingAway: break
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(ConnectionFailure.lost(error)) }

  func channelInactive(context: ChannelHandlerContext) {
    fail(GatewayClientError.connectionLost("the gateway closed it"))
    context.fireChannelInactive()
  }

  private func flush() {
    guard let context, let connection, context.channel.isActive else { return }
    while connection.hasOutput {
      var bytes = ByteBuffer()
      let more = connection.produce(into: &bytes, limit: Self.stride)
      if bytes.readableBytes > 0 { context.writeAndFlush(wrapOutboundOut(bytes), promise: nil) }
      if !more { break }
    }
  }
}
