import NIOCore
import HTTPSyntax
import WebSocket

/// The request that opens a WebSocket (RFC 6455 section 4.1).
struct WebSocketRequest: Sendable {
  let key: String
  let offersCompression: Bool
  let bytes: ByteBuffer

  /// - Throws: `GatewayClientError.invalidRequest` if one of the options' header fields cannot be sent.
  init(_ url: GatewayURL, _ options: WebSocketClient.Options) throws(GatewayClientError) {
    var random = SystemRandomNumberGenerator()
    key = WebSocketHandshake.generateKey(using: &random)
    offersCompression = options.offersCompression
    var headers: HTTPHeaders = [
      "Host": url.authority, "Connection": "Upgrade", "Upgrade": "websocket",
      "Sec-WebSocket-Version": WebSocketHandshake.version, "Sec-WebSocket-Key": key,
    ]
    if !options.subprotocols.isEmpty {
      headers.add(name: "Sec-WebSocket-Protocol", value: options.subprotocols.joined(separator: ", "))
    }
    if options.offersCompression {
      headers.add(name: "Sec-WebSocket-Extensions", value: PermessageDeflate.offer)
    }
    headers.add(contentsOf: options.headers)
    bytes = try .requestHead(.GET, url, headers)
  }
}

/// The opening handshake of a client (RFC 6455 section 4.1): sends the request once its channel is active, checks the
/// answer, and replaces itself in the pipeline with a `WebSocketClientHandler`, which gets the bytes behind the answer in
/// the same call, before the channel can become inactive.
final class WebSocketUpgrade: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// Of a refusal, in bytes; the rest is dropped.
  private static let longestBody = 1 << 20

  private let request: WebSocketRequest
  private let handler: WebSocketClientHandler
  /// Succeeds with the headers of the 101.
  private let promise: EventLoopPromise<HTTPHeaders>
  private var parser = ResponseParser(to: .GET)
  /// The answer's head and the body so far, if the gateway refuses.
  private var refusal: (head: ResponseHead, body: ByteBuffer)?
  private var isSettled = false

  init(_ request: WebSocketRequest, handler: WebSocketClientHandler, promise: EventLoopPromise<HTTPHeaders>) {
    self.request = request
    self.handler = handler
    self.promise = promise
  }

  func channelActive(context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(request.bytes), promise: nil)
    context.fireChannelActive()
    context.read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isSettled else { return context.fireChannelRead(data) }
    parser.receive(unwrapInboundIn(data))
    takeEvents(context)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    context.fireChannelReadComplete()
    if !isSettled { context.read() }
  }

  // MARK: - The answer

  private func takeEvents(_ context: ChannelHandlerContext) {
    do {
      while !isSettled, let event = try parser.next() {
        switch event {
        case .head(let head): try begin(head, context)
        case .body(let bytes): try receive(bytes)
        case .end: if let refused { throw refused }
        }
      }
    } catch {
      settle(.failure(meaning(of: error)))
      context.close(promise: nil)
    }
  }

  private func meaning(of error: any Error) -> any Error {
    switch error {
    // A refusal that was cut off says more than the lost connection.
    case HTTPSyntaxError.unexpectedEnd:
      refused ?? GatewayClientError.connectionLost("the gateway closed it before it answered")
    case let error as HTTPSyntaxError: GatewayClientError(error)
    default: error
    }
  }

  private func begin(_ head: ResponseHead, _ context: ChannelHandlerContext) throws {
    switch head.status {
    case 101 where head.version == .http1_1: try switchOver(context, head.headers)
    case 101: throw GatewayClientError.notUnderstood("it switched protocols with an answer of HTTP/1.0")
    case 400...: refusal = (head, ByteBuffer())
    default: throw GatewayClientError.notUnderstood("it answered a WebSocket request with \(head.status)")
    }
  }

  private func receive(_ bytes: ByteBuffer) throws {
    refusal?.body.writeImmutableBuffer(bytes)
    if let refusal, refusal.body.readableBytes >= Self.longestBody, let refused { throw refused }
  }

  /// The refusal as an error, or `nil` if the gateway has not refused.
  private var refused: GatewayClientError? {
    refusal.map { head, body in
      .refused(
        Refusal(
          status: head.status, retryAfter: head.headers.first(name: "Retry-After"),
          body: Array(body.readableBytesView)))
    }
  }

  /// - Returns: whether permessage-deflate was agreed on.
  private func check(_ headers: HTTPHeaders) throws -> Bool {
    guard WebSocketHandshake.isUpgrade(connection: headers["Connection"], upgrade: headers["Upgrade"]) else {
      throw GatewayClientError.notUnderstood("it switched protocols, but not to WebSocket")
    }
    do {
      try WebSocketHandshake.checkAccept(headers["Sec-WebSocket-Accept"], for: request.key)
      let extensions = headers["Sec-WebSocket-Extensions"]
      guard request.offersCompression || extensions.isEmpty else {
        throw HandshakeError.unexpectedExtension(extensions.joined(separator: ", "))
      }
      return try PermessageDeflate.accept(extensions)
    } catch {
      throw GatewayClientError.notUnderstood("\(error)")
    }
  }

  private func switchOver(_ context: ChannelHandlerContext, _ headers: HTTPHeaders) throws {
    handler.begin(compresses: try check(headers))
    try context.pipeline.syncOperations.addHandler(handler, position: .last)
    // Settle first: the rest may have a close frame, and answering it ends the channel at once.
    settle(.success(headers))
    let rest = parser.takeRest()
    if rest.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(rest)) }
    context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
  }

  private func settle(_ result: Result<HTTPHeaders, any Error>) {
    guard !isSettled else { return }
    isSettled = true
    promise.completeWith(result)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    settle(.failure(ConnectionFailure.lost(error)))
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    parser.receiveEnd()
    if !isSettled { takeEvents(context) }
    context.fireChannelInactive()
  }
}
