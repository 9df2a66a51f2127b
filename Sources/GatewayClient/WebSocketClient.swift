import Locking
package import NIOCore
package import HTTPSyntax
import NIOPosix
import Synchronization

/// One message of a websocket.
package struct WebSocketMessage: Sendable, Hashable {
  /// Text, which is valid UTF-8, or binary.
  package var isText: Bool
  package var bytes: [UInt8]

  package init(isText: Bool, bytes: [UInt8]) {
    self.isText = isText
    self.bytes = bytes
  }
}

/// The messages of a websocket in order; only one iterator may be made. The connection is read only as fast as they
/// are taken. It ends when the gateway's close frame came; without one it throws.
package struct WebSocketMessages: AsyncSequence, Sendable {
  package typealias Element = WebSocketMessage
  /// An element is what one read of the connection brought.
  typealias Producer = NIOThrowingAsyncSequenceProducer<
    [WebSocketMessage], any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, BackPressure
  >
  let sequence: Producer

  package final class AsyncIterator: AsyncIteratorProtocol {
    private let iterator: Producer.AsyncIterator
    private var messages: ArraySlice<WebSocketMessage> = []

    fileprivate init(_ iterator: Producer.AsyncIterator) { self.iterator = iterator }

    package func next() async throws -> WebSocketMessage? {
      while true {
        if let message = messages.popFirst() { return message }
        guard let more = try await iterator.next() else { return nil }
        messages = more[...]
      }
    }
  }

  package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(sequence.makeAsyncIterator()) }
}

/// A client's end of a websocket (RFC 6455) over HTTP/1.1, with permessage-deflate (RFC 7692) for what it receives.
package final class WebSocketClient: Sendable {
  package struct Options: Sendable {
    package var subprotocols = ["sluice.v1.json"]
    package var offersCompression = true
    /// Sent with the handshake.
    package var headers: HTTPHeaders = [:]
    /// Longer messages end the connection with 1009; also counted after inflating.
    package var maxMessageBytes = 64 << 20
    /// For the TCP connection, and again for the handshake.
    package var timeout = Duration.seconds(10)
    /// The messages fail with `timedOut` when nothing comes for that long, pings included; nil: never.
    package var silenceLimit: Duration?

    package init() {}
  }

  /// What the gateway's close frame said.
  package struct Closing: Sendable, Hashable {
    /// nil: the close frame was empty.
    package var code: UInt16?
    package var reason: String

    package init(code: UInt16?, reason: String) {
      self.code = code
      self.reason = reason
    }
  }

  /// What the gateway sends.
  package let messages: WebSocketMessages
  /// The headers of the 101.
  package let headers: HTTPHeaders
  private let channel: any Channel
  private let handler: NIOLoopBound<WebSocketClientHandler>
  private let shared: Shared

  /// The subprotocol the gateway chose.
  package var subprotocol: String? { headers.first(name: "Sec-WebSocket-Protocol") }

  /// What the gateway's close frame said; nil as long as none came.
  package var closing: Closing? { shared.closing.withLock { $0 } }

  private final class Shared: Sendable {
    let closing = Guarded<Closing?>(nil)
  }

  private init(
    messages: WebSocketMessages, headers: HTTPHeaders, channel: any Channel,
    handler: NIOLoopBound<WebSocketClientHandler>, shared: Shared
  ) {
    self.messages = messages
    self.headers = headers
    self.channel = channel
    self.handler = handler
    self.shared = shared
  }

  /// Opens a websocket.
  ///
  /// - Throws: `GatewayClientError`: `refused` for an HTTP answer other than 101; `CancellationError`.
  package static func connect(
    to url: GatewayURL, options: Options = Options(), group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
  ) async throws -> WebSocketClient {
    let request = try WebSocketRequest(url, options)
    let eventLoop = group.next()
    let upgraded = eventLoop.makePromise(of: WebSocketClient.self)
    ClientBootstrap(group: eventLoop)
      .connectTimeout(TimeAmount(options.timeout))
      .channelOption(.autoRead, value: false)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try url.secure(channel)
          try configure(channel, request, options, upgraded)
        }
      }
      .connect(host: url.host, port: url.port)
      .whenFailure { upgraded.fail(ConnectionFailure.unreachable(url, $0)) }
    return try await upgraded.futureResult.getOrCancel { $0.abandon() }
  }

  /// On the channel's event loop.
  private static func configure(
    _ channel: any Channel, _ request: WebSocketRequest, _ options: Options,
    _ upgraded: EventLoopPromise<WebSocketClient>
  ) throws {
    let eventLoop = channel.eventLoop
    let shared = Shared()
    // The messages' consumer exists before the handler is in the pipeline, and until then has nothing to say to it.
    let onHandler: @Sendable (@escaping @Sendable (WebSocketClientHandler) -> Void) -> Void = { body in
      eventLoop.execute {
        if let handler = try? channel.pipeline.syncOperations.handler(type: WebSocketClientHandler.self) {
          body(handler)
        }
      }
    }
    let made = WebSocketMessages.Producer.makeSequence(
      backPressureStrategy: BackPressure.strategy,
      finishOnDeinit: true,
      delegate: BackPressure(
        onDemand: { onHandler { $0.resumeReading() } }, onTermination: { onHandler { $0.consumerHasGone() } }))
    let handler = WebSocketClientHandler(
      eventLoop: eventLoop, source: made.source, maxMessageBytes: options.maxMessageBytes,
      silenceLimit: options.silenceLimit, onClose: { closing in shared.closing.withLock { $0 = closing } })
    let head = eventLoop.makePromise(of: HTTPHeaders.self)
    let bound = NIOLoopBound(handler, eventLoop: eventLoop)
    let messages = WebSocketMessages(sequence: made.sequence)
    let late = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(options.timeout)) {
      head.fail(
        GatewayClientError.timedOut("no answer to the handshake within \(TimeAmount(options.timeout).inSeconds)"))
    }
    head.futureResult.whenComplete { result in
      late.cancel()
      switch result {
      case .success(let headers):
        upgraded.succeed(
          WebSocketClient(
            messages: messages, headers: headers, channel: channel, handler: bound, shared: shared))
      case .failure(let error):
        upgraded.fail(error)
        channel.close(promise: nil)
      }
    }
    try channel.pipeline.syncOperations.addHandler(
      WebSocketUpgrade(request, handler: handler, promise: head))
  }

  // MARK: - Sending

  /// Sends a text message; returns when the system has taken it.
  package func send(_ text: String) async throws { try await send(text: Array(text.utf8)) }

  /// Sends a text message of bytes that are UTF-8.
  package func send(text: [UInt8]) async throws {
    try await perform { $0.send(text: text, promise: $1) }
  }

  /// Sends a ping of at most 125 bytes; returns when its pong has come.
  package func ping(_ payload: [UInt8] = []) async throws {
    try await perform { $0.ping(payload, promise: $1) }
  }

  /// Sends a close frame and returns when the connection is gone: after the gateway's answer, or 5 s.
  package func close(code: UInt16 = 1000, reason: String = "") async {
    channel.eventLoop.execute { self.handler.value.startClosing(code: code, reason: reason) }
    try? await channel.closeFuture.get()
  }

  /// Drops the connection without a word.
  package func abandon() { channel.close(promise: nil) }

  /// From now on the messages fail with `timedOut` when nothing comes for that long; nil: never.
  package func setSilenceLimit(_ limit: Duration?) {
    channel.eventLoop.execute { self.handler.value.setSilenceLimit(limit) }
  }

  private func perform(
    _ body: @escaping @Sendable (WebSocketClientHandler, EventLoopPromise<Void>) -> Void
  ) async throws {
    let promise = channel.eventLoop.makePromise(of: Void.self)
    channel.eventLoop.execute { body(self.handler.value, promise) }
    try await promise.futureResult.getOrCancel { _ in }
  }
}
