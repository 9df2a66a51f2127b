import NIOCore
import WebSocket

/// A client's end of an open WebSocket: frames to messages and back, pings answered, the close handshake kept.
final class WebSocketClientHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// How long the gateway may take to answer our close frame.
  static let closeTimeout = TimeAmount.seconds(5)

  private let eventLoop: any EventLoop
  private let source: WebSocketMessages.Producer.Source
  private let maxMessageBytes: Int
  /// Called once with what the gateway's close frame said.
  private let onClose: (WebSocketClient.Closing) -> Void
  private var connection: WebSocketConnection?
  private var closing = ClosingHandshake()
  /// The messages of the read in progress.
  private var messages: [WebSocketMessage] = []
  private var context: ChannelHandlerContext?
  private var silence: SilenceWatch?
  private var silenceLimit: Duration?
  private var wantsMore = true
  private var hasEnded = false
  private var pings: [(payload: [UInt8], promise: EventLoopPromise<Void>)] = []
  private var random = SystemRandomNumberGenerator()

  init(
    eventLoop: any EventLoop, source: WebSocketMessages.Producer.Source, maxMessageBytes: Int,
    silenceLimit: Duration?, onClose: @escaping (WebSocketClient.Closing) -> Void
  ) {
    self.eventLoop = eventLoop
    self.source = source
    self.maxMessageBytes = maxMessageBytes
    self.silenceLimit = silenceLimit
    self.onClose = onClose
  }

  /// The handshake is done; it comes before this handler enters the pipeline.
  func begin(compresses: Bool) {
    connection = WebSocketConnection(
      role: .client, maxMessageBytes: maxMessageBytes, inflater: compresses ? MessageInflater() : nil)
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    // The pipeline owns this handler and ends the watch before it goes.
    let silence = SilenceWatch(eventLoop: eventLoop) { [unowned self] limit in
      self.end(GatewayClientError.timedOut("nothing came for \(limit.inSeconds)"))
    }
    self.silence = silence
    silence.setLimit(silenceLimit)
    if hasEnded { context.close(promise: nil) } else if wantsMore { context.read() }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    end(GatewayClientError.clientClosed)
    silence?.stop()
    self.context = nil
  }

  // MARK: - From the gateway

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    silence?.heard()
    guard let connection else { return }
    defer { yieldMessages() }
    do {
      try unwrapInboundIn(data).withUnsafeReadableBytes { try connection.receive($0) { handle($0) } }
    } catch {
      if let error = error as? WebSocketError, let code = closing.fail(error) { writeClose(code, "\(error)") }
      end(GatewayClientError.notUnderstood("\(error)"))
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if wantsMore { context.read() }
  }

  private func handle(_ event: WebSocketEvent) {
    switch event {
    case .message(let kind, let bytes):
      messages.append(WebSocketMessage(isText: kind == .text, bytes: bytes))
    case .ping(let payload):
      guard closing.maySend else { return }
      write(nil) { WebSocketFrame.pong(payload, mask: $0, to: &$1) }
    case .pong(let payload):
      // A pong answers its ping and every earlier one (RFC 6455 section 5.5.3).
      guard let index = pings.lastIndex(where: { $0.payload == payload }) else { return }
      for ping in pings[...index] { ping.promise.succeed(()) }
      pings.removeSubrange(...index)
    case .close(let code, let reason):
      onClose(WebSocketClient.Closing(code: code, reason: reason))
      if case .echo(let code) = closing.received(code: code) { writeClose(code, "") }
      end(nil)
    }
  }

  /// Gives the messages of this read to the consumer at once.
  private func yieldMessages() {
    guard !messages.isEmpty else { return }
    if case .stopProducing = source.yield(messages) { setWantsMore(false) }
    messages = []
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    end(ConnectionFailure.lost(error))
  }

  func channelInactive(context: ChannelHandlerContext) {
    end(GatewayClientError.connectionLost("the gateway went away without a close frame"))
    context.fireChannelInactive()
  }

  /// Ends the messages (nil: properly) and the connection, behind what is already written.
  func end(_ error: (any Error)?) {
    guard !hasEnded else { return }
    hasEnded = true
    silence?.stop()
    yieldMessages()
    if let error { source.finish(error) } else { source.finish() }
    for ping in pings { ping.promise.fail(error ?? GatewayClientError.connectionLost("it was closed")) }
    pings = []
    guard let context, context.channel.isActive else { return }
    context.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { _ in
      context.close(promise: nil)
    }
  }

  // MARK: - From the caller

  func send(text: [UInt8], promise: EventLoopPromise<Void>) {
    guard closing.maySend, !hasEnded else {
      return promise.fail(GatewayClientError.connectionLost("it is being closed"))
    }
    write(promise) { mask, output in text.withUnsafeBytes { WebSocketFrame.text($0, mask: mask, to: &output) } }
  }

  func ping(_ payload: [UInt8], promise: EventLoopPromise<Void>) {
    guard closing.maySend, !hasEnded else {
      return promise.fail(GatewayClientError.connectionLost("it is being closed"))
    }
    pings.append((payload, promise))
    write(nil) { WebSocketFrame.ping(payload, mask: $0, to: &$1) }
  }

  /// Says goodbye and waits for the gateway's answer, at most `closeTimeout`.
  func startClosing(code: UInt16, reason: String) {
    guard !hasEnded, closing.start() else { return }
    writeClose(code, reason)
    // The close frame stands behind messages that nobody may be reading any more.
    setWantsMore(true)
    context?.read()
    eventLoop.assumeIsolated().scheduleTask(in: Self.closeTimeout) { [weak self] in
      self?.end(GatewayClientError.timedOut("no answer to our close within \(Self.closeTimeout.inSeconds)"))
    }
  }

  func resumeReading() {
    guard !wantsMore else { return }
    setWantsMore(true)
    context?.read()
  }

  /// Nobody takes messages any more: unless a close is under way, the gateway is told and the connection ends.
  func consumerHasGone() {
    guard !hasEnded, closing.start() else { return }
    writeClose(CloseCode.goingAway, "")
    end(nil)
  }

  func setSilenceLimit(_ limit: Duration?) {
    silenceLimit = limit
    if !hasEnded { silence?.setLimit(limit) }
  }

  private func setWantsMore(_ wanted: Bool) {
    wantsMore = wanted
    silence?.isReading = wanted
  }

  private func writeClose(_ code: UInt16?, _ reason: String) {
    write(nil) { WebSocketFrame.close(code: code, reason: reason, mask: $0, to: &$1) }
  }

  private func write(_ promise: EventLoopPromise<Void>?, _ frame: (MaskingKey, inout [UInt8]) -> Void) {
    guard let context else {
      promise?.fail(GatewayClientError.connectionLost("it is gone"))
      return
    }
    var bytes: [UInt8] = []
    frame(.random(using: &random), &bytes)
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: promise)
  }
}
