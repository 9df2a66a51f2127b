import NIOCore
import HTTPSyntax

/// What is asked in one exchange.
struct HTTPCall: Sendable {
  var method: HTTPMethod
  /// The request line and the header fields, as they are sent.
  var head: ByteBuffer
  var body: ByteBuffer?
  /// Whether the request lets the connection go on.
  var keepsAlive: Bool
  /// How long the answer may take to begin, or to be complete if `deadlineCoversBody`.
  var deadline: Duration?
  var deadlineCoversBody: Bool
}

/// Names one exchange, so that what comes late from its consumer cannot touch the next on the same connection.
final class HTTPExchangeHandle: Sendable {
  private let connection: HTTPConnection

  init(_ connection: HTTPConnection) { self.connection = connection }

  func cancel() { connection.onHandler { $0.fail(CancellationError(), exchange: self) } }

  func setSilenceLimit(_ limit: Duration?) { connection.onHandler { $0.setSilenceLimit(limit, exchange: self) } }

  func produceMore() { connection.onHandler { $0.resumeReading(exchange: self) } }
}

/// One HTTP/1.1 connection, as code outside its event loop sees it.
final class HTTPConnection: Sendable {
  let channel: any Channel
  private let handler: NIOLoopBound<HTTPConnectionHandler>

  /// Puts the client's handler on a channel that has just been made. On the channel's event loop.
  ///
  /// - Parameter onIdle: called on the event loop when an exchange is over and another may follow.
  init(on channel: any Channel, onIdle: @escaping @Sendable (HTTPConnection) -> Void) throws {
    let handler = HTTPConnectionHandler(eventLoop: channel.eventLoop)
    self.channel = channel
    self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
    handler.onIdle = { [weak self] in
      if let self { onIdle(self) }
    }
    try channel.pipeline.syncOperations.addHandler(handler)
  }

  func onHandler(_ body: @escaping @Sendable (HTTPConnectionHandler) -> Void) {
    channel.eventLoop.execute { body(self.handler.value) }
  }

  /// Asks, and returns when the answer's head is there. A cancelled task closes the connection.
  func perform(_ call: HTTPCall) async throws -> HTTPStreamAnswer {
    let exchange = HTTPExchangeHandle(self)
    return try await withTaskCancellationHandler {
      let promise = channel.eventLoop.makePromise(of: HTTPStreamAnswer.self)
      onHandler { $0.start(call, exchange: exchange, promise: promise) }
      // Cancelled before it was started, it had nothing to cancel yet.
      if Task.isCancelled { exchange.cancel() }
      return try await promise.futureResult.get()
    } onCancel: {
      exchange.cancel()
    }
  }

  func close(_ error: any Error) { onHandler { $0.fail(error, exchange: nil) } }
}

/// Runs one exchange after the other on its connection, on its event loop.
final class HTTPConnectionHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private struct Waiting {
    var exchange: HTTPExchangeHandle
    var promise: EventLoopPromise<HTTPStreamAnswer>
    var call: HTTPCall
  }

  private struct Reading {
    var exchange: HTTPExchangeHandle
    var source: HTTPChunks.Producer.Source
    var keepsAlive: Bool
    var deadlineCoversBody: Bool
  }

  private enum State {
    case idle
    case waiting(Waiting)
    case reading(Reading)
    /// With the reason.
    case closed(any Error)
  }

  var onIdle: (() -> Void)?
  private let eventLoop: any EventLoop
  private var state = State.idle
  /// No request was started yet.
  private var isNew = true
  /// Parses the answer to the current request.
  private var parser = ResponseParser(to: .GET)
  private var context: ChannelHandlerContext?
  private var deadline: Scheduled<Void>?
  private var silence: SilenceWatch?
  /// False while the consumer has enough.
  private var wantsMore = true

  init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    // The pipeline owns this handler and ends the watch before it goes.
    silence = SilenceWatch(eventLoop: eventLoop) { [unowned self] limit in
      self.fail(GatewayClientError.timedOut("nothing came for \(limit.inSeconds)"), exchange: nil)
    }
    if context.channel.isActive { context.read() }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    silence?.stop()
    self.context = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    context.fireChannelActive()
    context.read()
  }

  // MARK: - From the caller

  func start(_ call: HTTPCall, exchange: HTTPExchangeHandle, promise: EventLoopPromise<HTTPStreamAnswer>) {
    // The connection may be closed before its first request, because TLS failed: then the caller wants that reason.
    if isNew, case .closed(let reason) = state { return promise.fail(reason) }
    guard case .idle = state, let context, context.channel.isActive else {
      return promise.fail(GatewayClientError.connectionLost("it was closed while unused"))
    }
    isNew = false
    state = .waiting(Waiting(exchange: exchange, promise: promise, call: call))
    parser = ResponseParser(to: call.method)
    if let limit = call.deadline {
      deadline = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limit)) { [weak self] in
        let what = "no \(call.deadlineCoversBody ? "complete answer" : "answer") within \(TimeAmount(limit).inSeconds)"
        self?.fail(GatewayClientError.timedOut(what), exchange: exchange)
      }
    }
    context.write(wrapOutboundOut(call.head), promise: nil)
    if let body = call.body, body.readableBytes > 0 { context.write(wrapOutboundOut(body), promise: nil) }
    context.flush()
  }

  func resumeReading(exchange: HTTPExchangeHandle) {
    guard isCurrent(exchange), !wantsMore else { return }
    setWantsMore(true)
    context?.read()
  }

  func setSilenceLimit(_ limit: Duration?, exchange: HTTPExchangeHandle) {
    if isCurrent(exchange) { silence?.setLimit(limit) }
  }

  /// Ends the exchange (any, for nil) with an error and closes the connection.
  func fail(_ error: any Error, exchange: HTTPExchangeHandle?) {
    if let exchange, !isCurrent(exchange) { return }
    let ended = state
    if case .closed = ended {} else { state = .closed(error) }
    settle()
    switch ended {
    case .waiting(let waiting): waiting.promise.fail(error)
    case .reading(let reading): reading.source.finish(error)
    case .idle, .closed: break
    }
    context?.close(promise: nil)
  }

  private func isCurrent(_ exchange: HTTPExchangeHandle) -> Bool {
    switch state {
    case .waiting(let waiting): waiting.exchange === exchange
    case .reading(let reading): reading.exchange === exchange
    case .idle, .closed: false
    }
  }

  private func setWantsMore(_ wanted: Bool) {
    wantsMore = wanted
    silence?.isReading = wanted
  }

  /// Nothing of the exchange that is over may fire later.
  private func settle() {
    deadline?.cancel()
    deadline = nil
    silence?.stop()
  }

  // MARK: - From the gateway

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    silence?.heard()
    switch state {
    case .idle: fail(GatewayClientError.notUnderstood("an answer came that nobody asked for"), exchange: nil)
    case .closed: break
    case .waiting, .reading:
      parser.receive(unwrapInboundIn(data))
      takeEvents()
    }
  }

  private func takeEvents() {
    // The consumer gets the bytes of one read in one piece, however many chunks of the body they are.
    var body = ByteBuffer()
    defer { yield(&body) }
    do throws(HTTPSyntaxError) {
      while let event = try parser.next() {
        switch (event, state) {
        case (.head(let head), .waiting(let waiting)): begin(head, waiting)
        case (.body(var chunk), .reading):
          if body.readableBytes == 0 { body = chunk } else { body.writeBuffer(&chunk) }
        case (.end, .reading(let reading)):
          yield(&body)
          finish(reading)
        default: return
        }
      }
    } catch {
      yield(&body)
      fail(GatewayClientError(error), exchange: nil)
    }
  }

  /// Gives `body` to the consumer and leaves it empty.
  private func yield(_ body: inout ByteBuffer) {
    guard body.readableBytes > 0, case .reading(let reading) = state else { return }
    if case .stopProducing = reading.source.yield(body) { setWantsMore(false) }
    body = ByteBuffer()
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if wantsMore { context.read() }
  }

  private func begin(_ head: ResponseHead, _ waiting: Waiting) {
    let exchange = waiting.exchange
    if !waiting.call.deadlineCoversBody {
      deadline?.cancel()
      deadline = nil
    }
    let made = HTTPChunks.Producer.makeSequence(
      backPressureStrategy: BackPressure.strategy,
      finishOnDeinit: true,
      delegate: BackPressure(onDemand: { exchange.produceMore() }, onTermination: { exchange.cancel() }))
    state = .reading(
      Reading(
        exchange: exchange, source: made.source,
        keepsAlive: head.keepsAlive && waiting.call.keepsAlive,
        deadlineCoversBody: waiting.call.deadlineCoversBody))
    waiting.promise.succeed(
      HTTPStreamAnswer(
        status: head.status, headers: head.headers, chunks: HTTPChunks(sequence: made.sequence),
        exchange: exchange))
  }

  private func finish(_ reading: Reading) {
    settle()
    setWantsMore(true)
    // Bytes behind the answer belong to no request: what follows them could not be trusted either.
    let isReusable = reading.keepsAlive && parser.bufferedBytes == 0
    state = isReusable ? .idle : .closed(GatewayClientError.connectionLost("the answer was its last"))
    // Into the pool first: a caller that sees the end and asks again at once shall find the connection there.
    if isReusable { onIdle?() }
    reading.source.finish()
    if !isReusable { context?.close(promise: nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    fail(ConnectionFailure.lost(error), exchange: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    if case .idle = state {
      fail(GatewayClientError.connectionLost("the gateway closed it"), exchange: nil)
    } else {
      parser.receiveEnd()
      takeEvents()
      fail(GatewayClientError(.unexpectedEnd), exchange: nil)
    }
    context.fireChannelInactive()
  }
}
