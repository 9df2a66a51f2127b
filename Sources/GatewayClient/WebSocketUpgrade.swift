import NIOCore
import NIOHTTP1
import WebSocket

/// The opening handshake of a client (RFC 6455 section 4.1): asks once its channel is active, checks the answer, and
/// gives its place in the pipeline to a `WebSocketClientHandler`, in the same moment and with whatever came behind
/// the answer. (NIO's HTTP codec leaves a pipeline only later, and loses what came with a FIN until then.)
final class WebSocketUpgrade: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private static let longestHead = 64 << 10
  private static let longestBody = 1 << 20

  private let request: String
  private let key: String
  private let offersCompression: Bool
  private let handler: WebSocketClientHandler
  /// Succeeds with the headers of the 101.
  private let promise: EventLoopPromise<HTTPHeaders>
  private var received = ByteBuffer()
  private var head: (status: Int, headers: HTTPHeaders)?
  private var isSettled = false

  init(
    url: GatewayURL, options: WebSocketClient.Options, handler: WebSocketClientHandler,
    promise: EventLoopPromise<HTTPHeaders>
  ) {
    var random = SystemRandomNumberGenerator()
    key = WebSocketHandshake.generateKey(using: &random)
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
    let lines = ["GET \(url.target) HTTP/1.1"] + headers.map { "\($0.name): \($0.value)" }
    precondition(
      lines.allSatisfy { !$0.utf8.contains(0x0d) && !$0.utf8.contains(0x0a) }, "a header has no line break in it")
    request = lines.joined(separator: "\r\n") + "\r\n\r\n"
    offersCompression = options.offersCompression
    self.handler = handler
    self.promise = promise
  }

  func channelActive(context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    context.fireChannelActive()
    context.read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isSettled else { return context.fireChannelRead(data) }
    var bytes = unwrapInboundIn(data)
    received.writeBuffer(&bytes)
    do {
      if head == nil { head = try takeHead() }
      guard let head else { return }
      if head.status != 101 { return try refuseIfComplete(head.status, head.headers, isAtEnd: false) }
      try switchOver(context, head.headers)
    } catch {
      settle(.failure(error))
      context.close(promise: nil)
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    context.fireChannelReadComplete()
    if !isSettled { context.read() }
  }

  // MARK: - The answer

  /// Takes the status line and the header fields (RFC 9112 sections 4 and 5) off what was received; nil as long as
  /// they are not complete.
  private func takeHead() throws -> (status: Int, headers: HTTPHeaders)? {
    let view = received.readableBytesView
    // Anything but HTTP is known by its first bytes; it may never send an empty line.
    guard view.starts(with: "HTTP/1.1 ".utf8.prefix(view.count)) else {
      throw GatewayClientError.notUnderstood("its answer is not HTTP/1.1")
    }
    guard let end = view.firstRange(of: Array("\r\n\r\n".utf8)) else {
      guard view.count <= Self.longestHead else {
        throw GatewayClientError.notUnderstood("its answer's head is longer than \(Self.longestHead) bytes")
      }
      return nil
    }
    let text = String(decoding: view[view.startIndex..<end.lowerBound], as: UTF8.self)
    received.moveReaderIndex(to: end.upperBound)
    var lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
    let statusLine = lines.removeFirst()
    guard let status = Int(statusLine.dropFirst("HTTP/1.1 ".count).prefix(3)) else {
      throw GatewayClientError.notUnderstood("its answer begins with \(statusLine)")
    }
    var headers = HTTPHeaders()
    for line in lines {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { throw GatewayClientError.notUnderstood("its answer has the header \(line)") }
      headers.add(name: String(parts[0]), value: parts[1].trimmingSpace)
    }
    return (status, headers)
  }

  /// A refusal is complete with its last chunk, or as many bytes as it announced; without those, at the connection's end.
  private func refuseIfComplete(_ status: Int, _ headers: HTTPHeaders, isAtEnd: Bool) throws {
    guard status >= 400 else {
      throw GatewayClientError.notUnderstood("it answered a WebSocket request with \(status)")
    }
    var body = Array(received.readableBytesView)
    var isComplete = isAtEnd || body.count >= Self.longestBody
    if headers.contains(name: "Transfer-Encoding") {
      let (content, hasEnded) = Self.chunked(body)
      (body, isComplete) = (content, isComplete || hasEnded)
    } else if let length = headers.first(name: "Content-Length").flatMap({ Int($0) }) {
      isComplete = isComplete || body.count >= length
    }
    guard isComplete else { return }
    throw GatewayClientError.refused(
      Refusal(status: status, retryAfter: headers.first(name: "Retry-After"), body: body))
  }

  /// The content of chunks (RFC 9112 section 7.1) as far as they have come, and whether the last one has.
  private static func chunked(_ bytes: [UInt8]) -> (content: [UInt8], hasEnded: Bool) {
    var content: [UInt8] = []
    var rest = bytes[...]
    while let line = rest.firstRange(of: Array("\r\n".utf8)) {
      let digits = rest[..<line.lowerBound].prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }
      guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 16), size > 0 else { return (content, true) }
      rest = rest[line.upperBound...]
      content += rest.prefix(size)
      rest = rest.dropFirst(size).dropFirst(2)
    }
    return (content, false)
  }

  /// - Returns: whether permessage-deflate was agreed on.
  private func check(_ headers: HTTPHeaders) throws -> Bool {
    guard WebSocketHandshake.isUpgrade(connection: headers["Connection"], upgrade: headers["Upgrade"]) else {
      throw GatewayClientError.notUnderstood("it switched protocols, but not to WebSocket")
    }
    do {
      try WebSocketHandshake.checkAccept(headers["Sec-WebSocket-Accept"], for: key)
      let extensions = headers["Sec-WebSocket-Extensions"]
      guard offersCompression || extensions.isEmpty else {
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
    // Before the rest is handed on: it may hold a close frame, whose answer ends the channel at once.
    settle(.success(headers))
    if received.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(received)) }
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
    guard !isSettled else { return context.fireChannelInactive() }
    do {
      if let head { try refuseIfComplete(head.status, head.headers, isAtEnd: true) }
      throw GatewayClientError.connectionLost("the gateway closed it before it answered")
    } catch {
      settle(.failure(error))
    }
    context.fireChannelInactive()
  }
}

extension Substring {
  /// Without spaces and tabs around it, as a header field's value stands (RFC 9112 section 5.1).
  fileprivate var trimmingSpace: String {
    var rest = self[...]
    while rest.first == " " || rest.first == "\t" { rest.removeFirst() }
    while rest.last == " " || rest.last == "\t" { rest.removeLast() }
    return String(rest)
  }
}
