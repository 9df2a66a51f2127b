import Foundation
import GatewayClient
import Locking
import NIOCore
import HTTPSyntax
import NIOPosix
import Synchronization
import WebSocket

/// A request as the test's server saw it.
struct TestRequest: Sendable {
  var method: String
  var target: String
  var headers: HTTPHeaders
  var body: String

  func header(_ name: String) -> String? { headers.first(name: name) }
}

/// One request and the wire its answer goes to, byte by byte as the test says.
final class TestExchange: Sendable {
  /// Which request of the server this is, counted from 1.
  let number: Int
  let request: TestRequest
  private let channel: any Channel

  init(number: Int, request: TestRequest, channel: any Channel) {
    self.number = number
    self.request = request
    self.channel = channel
  }

  func send(_ text: String) { channel.writeAndFlush(ByteBuffer(string: text), promise: nil) }

  /// - Parameter sent: called when the system has taken the bytes.
  func send(bytes: [UInt8], sent: @escaping @Sendable () -> Void = {}) {
    channel.writeAndFlush(ByteBuffer(bytes: bytes)).whenSuccess(sent)
  }

  /// An answer with its length and a reason nobody reads.
  func answer(_ status: Int, type: String = "application/json", headers: String = "", _ body: String) {
    send(
      "HTTP/1.1 \(status) Test\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
  }

  /// An answer whose connection is cut after `count` bytes of the body, or that is whole if its body is not longer.
  ///
  /// - Returns: whether it was cut.
  @discardableResult
  func answer(_ body: String, cutAfter count: Int, headers: String = "") -> Bool {
    guard body.utf8.count > count else {
      answer(200, headers: headers, body)
      return false
    }
    send("HTTP/1.1 200 Test\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n")
    send(bytes: Array(body.utf8.prefix(count)))
    closeWhenSent()
    return true
  }

  /// An answer that goes on until `close`.
  func beginStream(type: String) {
    send("HTTP/1.1 200 OK\r\nContent-Type: \(type)\r\nConnection: close\r\n\r\n")
  }

  func close() { channel.close(promise: nil) }

  func closeWhenSent() {
    channel.writeAndFlush(ByteBuffer()).whenComplete { [channel] _ in channel.close(promise: nil) }
  }

  /// Answers 101; `onEvent` hears what the client sends from then on.
  func acceptWebSocket(
    extensions: String? = nil, onEvent: @escaping @Sendable (WebSocketEvent) -> Void = { _ in }
  ) {
    let key = request.header("Sec-WebSocket-Key") ?? ""
    send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Accept: \(WebSocketHandshake.acceptKey(for: key))\r\n"
        + (extensions.map { "Sec-WebSocket-Extensions: \($0)\r\n" } ?? "")
        + (request.header("Sec-WebSocket-Protocol").map { "Sec-WebSocket-Protocol: \($0)\r\n" } ?? "") + "\r\n")
    channel.eventLoop.execute { [channel] in
      let handler = try? channel.pipeline.syncOperations.handler(type: TestConnectionHandler.self)
      handler?.switchToWebSocket(onEvent)
    }
  }

  func sendText(_ text: String) {
    var bytes: [UInt8] = []
    WebSocketFrame.text(text, to: &bytes)
    send(bytes: bytes)
  }

  func sendClose(_ code: UInt16, _ reason: String = "") {
    var bytes: [UInt8] = []
    WebSocketFrame.close(code: code, reason: reason, to: &bytes)
    send(bytes: bytes)
  }
}

/// Reads requests, and WebSocket frames once a request was accepted as a handshake. It is written without the parsers of
/// the product, so that it does not share their errors: a request that is not exactly as expected is not answered.
private final class TestConnectionHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let onRequest: (TestRequest, any Channel) -> Void
  private var received = ByteBuffer()
  private var webSocket: (connection: WebSocketConnection, onEvent: @Sendable (WebSocketEvent) -> Void)?

  init(onRequest: @escaping (TestRequest, any Channel) -> Void) { self.onRequest = onRequest }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    received.writeBuffer(&bytes)
    if webSocket != nil { return readFrames() }
    while let request = readRequest() { onRequest(request, context.channel) }
  }

  func switchToWebSocket(_ onEvent: @escaping @Sendable (WebSocketEvent) -> Void) {
    webSocket = (WebSocketConnection(role: .server, maxMessageBytes: 1 << 20), onEvent)
    readFrames()
  }

  private func readFrames() {
    guard let webSocket else { return }
    let bytes = received
    received = ByteBuffer()
    bytes.withUnsafeReadableBytes { try? webSocket.connection.receive($0, emit: webSocket.onEvent) }
  }

  /// Takes one request off the received bytes.
  ///
  /// - Returns: `nil` if it is not complete.
  private func readRequest() -> TestRequest? {
    let text = String(buffer: received)
    guard let end = text.range(of: "\r\n\r\n") else { return nil }
    let lines = text[..<end.lowerBound].components(separatedBy: "\r\n")
    let first = lines[0].components(separatedBy: " ")
    guard first.count == 3, first[2] == "HTTP/1.1" else { return nil }
    var headers = HTTPHeaders()
    for line in lines.dropFirst() {
      guard let colon = line.range(of: ": ") else { return nil }
      headers.add(name: String(line[..<colon.lowerBound]), value: String(line[colon.upperBound...]))
    }
    let body = text[end.upperBound...].utf8
    let length = headers.first(name: "Content-Length").flatMap { Int($0) } ?? 0
    guard body.count >= length else { return nil }
    received.moveReaderIndex(forwardBy: text.utf8.count - body.count + length)
    return TestRequest(
      method: first[0], target: first[1], headers: headers,
      body: String(decoding: body.prefix(length), as: UTF8.self))
  }
}

/// A server on a free port that answers as a test says, and remembers what it was asked.
final class TestServer: Sendable {
  let url: GatewayURL
  private let channel: any Channel
  private let seen: Seen

  private final class Seen: Sendable {
    let requests = Guarded<[TestRequest]>([])
    let connections = Guarded<[any Channel]>([])
  }

  var requests: [TestRequest] { seen.requests.withLock { $0 } }
  var connectionCount: Int { seen.connections.withLock { $0.count } }
  var openConnectionCount: Int { seen.connections.withLock { $0.count { $0.isActive } } }

  private init(url: GatewayURL, channel: any Channel, seen: Seen) {
    self.url = url
    self.channel = channel
    self.seen = seen
  }

  /// Serves for as long as `body` runs.
  static func run(
    _ answer: @escaping @Sendable (TestExchange) -> Void, _ body: (TestServer) async throws -> Void
  ) async throws {
    let seen = Seen()
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          seen.connections.withLock { $0.append(channel) }
          try channel.pipeline.syncOperations.addHandler(
            TestConnectionHandler { request, channel in
              let number = seen.requests.withLock {
                $0.append(request)
                return $0.count
              }
              answer(TestExchange(number: number, request: request, channel: channel))
            })
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let server = TestServer(
      url: GatewayURL(host: "127.0.0.1", port: channel.localAddress?.port ?? 0), channel: channel, seen: seen)
    let result: Result<Void, any Error>
    do {
      try await body(server)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    try? await channel.close()
    for connection in seen.connections.withLock({ $0 }) { try? await connection.close() }
    try result.get()
  }
}
