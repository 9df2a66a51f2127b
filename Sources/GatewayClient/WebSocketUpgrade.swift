import NIOCore
import NIOHTTP1
import WebSocket

/// The opening handshake of a client (RFC 6455 section 4.1): asks once its channel is active, checks the answer, and
/// gives its place in the pipeline to a `WebSocketClientHandler`, whatever came behind the answer included.
final class WebSocketUpgrade: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private let request: HTTPRequestHead
  private let key: String
  private let offersCompression: Bool
  private let handler: WebSocketClientHandler
  /// Succeeds with the head of the 101.
  private let promise: EventLoopPromise<HTTPResponseHead>
  private var answer: HTTPResponseHead?
  private var body: [UInt8] = []
  private var isSettled = false

  init(
    url: GatewayURL, options: WebSocketClient.Options, handler: WebSocketClientHandler,
    promise: EventLoopPromise<HTTPResponseHead>
  ) {
    var random = SystemRandomNumberGenerator()
    key = WebSocketHandshake.generateKey(using: &random)
    var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: url.target)
    head.headers = [
      "Host": url.authority, "Connection": "Upgrade", "Upgrade": "websocket",
      "Sec-WebSocket-Version": WebSocketHandshake.version, "Sec-WebSocket-Key": key,
    ]
    if !options.subprotocols.isEmpty {
      head.headers.add(name: "Sec-WebSocket-Protocol", value: options.subprotocols.joined(separator: ", "))
    }
    if options.offersCompression {
      head.headers.add(name: "Sec-WebSocket-Extensions", value: PermessageDeflate.offer)
    }
    head.headers.add(contentsOf: options.headers)
    request = head
    offersCompression = options.offersCompression
    self.handler = handler
    self.promise = promise
  }

  func channelActive(context: ChannelHandlerContext) {
    context.write(wrapOutboundOut(.head(request)), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    context.fireChannelActive()
    context.read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      answer = head
    case .body(let chunk):
      if body.count < HTTPClient.maximumAnswerBytes { body.append(contentsOf: chunk.readableBytesView) }
    case .end:
      guard let answer else { return }
      do {
        let compresses = try check(answer)
        try switchOver(context, compresses: compresses)
        settle(.success(answer))
      } catch {
        settle(.failure(error))
        context.close(promise: nil)
      }
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    context.fireChannelReadComplete()
    if !isSettled { context.read() }
  }

  /// - Returns: whether permessage-deflate was agreed on.
  private func check(_ answer: HTTPResponseHead) throws -> Bool {
    guard answer.status == .switchingProtocols else {
      throw answer.status.code >= 400
        ? GatewayClientError.refused(
          Refusal(
            status: Int(answer.status.code), retryAfter: answer.headers.first(name: "Retry-After"), body: body))
        : GatewayClientError.notUnderstood("it answered a WebSocket request with \(answer.status.code)")
    }
    guard
      WebSocketHandshake.isUpgrade(
        connection: answer.headers["Connection"], upgrade: answer.headers["Upgrade"])
    else { throw GatewayClientError.notUnderstood("it switched protocols, but not to WebSocket") }
    do {
      try WebSocketHandshake.checkAccept(answer.headers["Sec-WebSocket-Accept"], for: key)
      let extensions = answer.headers["Sec-WebSocket-Extensions"]
      guard offersCompression || extensions.isEmpty else {
        throw HandshakeError.unexpectedExtension(extensions.joined(separator: ", "))
      }
      return try PermessageDeflate.accept(extensions)
    } catch {
      throw GatewayClientError.notUnderstood("\(error)")
    }
  }

  private func switchOver(_ context: ChannelHandlerContext, compresses: Bool) throws {
    let pipeline = context.pipeline.syncOperations
    handler.begin(compresses: compresses)
    try pipeline.addHandler(handler, position: .last)
    let decoder = try pipeline.context(handlerType: ByteToMessageHandler<HTTPResponseDecoder>.self)
    let encoder = try pipeline.context(handlerType: HTTPRequestEncoder.self)
    pipeline.removeHandler(context: context, promise: nil)
    pipeline.removeHandler(context: encoder, promise: nil)
    // The last: it hands on what it has not read, and by now only WebSocket frames are understood behind it.
    pipeline.removeHandler(context: decoder, promise: nil)
  }

  private func settle(_ result: Result<HTTPResponseHead, any Error>) {
    guard !isSettled else { return }
    isSettled = true
    promise.completeWith(result)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    settle(
      .failure(
        error is HTTPParserError
          ? GatewayClientError.notUnderstood("its answer is not HTTP/1.1 (\(error))")
          : GatewayClientError.connectionLost(ConnectionFailure.reason(error))))
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    settle(.failure(GatewayClientError.connectionLost("the gateway closed it before it answered")))
    context.fireChannelInactive()
  }
}
