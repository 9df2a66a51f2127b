import GatewayClient
import Locking
import NIOCore
import NIOHTTP1
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
      let pipeline = channel.pipeline.syncOperations
      try? pipeline.addHandler(TestWebSocketHandler(onEvent: onEvent))
      if let decoder = try? pipeline.context(handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self) {
        pipeline.removeHandler(context: decoder, promise: nil)
      }
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

private final class TestWebSocketHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let connection = WebSocketConnection(role: .server, maxMessageBytes: 1 << 20)
  private let onEvent: @Sendable (WebSocketEvent) -> Void

  init(onEvent: @escaping @Sendable (WebSocketEvent) -> Void) { self.onEvent = onEvent }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    unwrapInboundIn(data).withUnsafeReadableBytes { try? connection.receive($0, emit: onEvent) }
  }
}

/// Reads requests and gives each to the test.
private final class TestRequestHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  private let onRequest: (TestRequest, any Channel) -> Void
  private var request: TestRequest?

  init(onRequest: @escaping (TestRequest, any Channel) -> Void) { self.onRequest = onRequest }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // Behind an upgrade the bytes are another handler's.
    if request == nil, context.pipeline.syncOperations.isUpgraded { return context.fireChannelRead(data) }
    switch unwrapInboundIn(data) {
    case .head(let head):
      request = TestRequest(method: head.method.rawValue, target: head.uri, headers: head.headers, body: "")
    case .body(let body): request?.body += String(buffer: body)
    case .end:
      if let request {
        self.request = nil
        onRequest(request, context.channel)
      }
    }
  }
}

extension ChannelPipeline.SynchronousOperations {
  fileprivate var isUpgraded: Bool { (try? handler(type: TestWebSocketHandler.self)) != nil }
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
          let pipeline = channel.pipeline.syncOperations
          try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes)))
          try pipeline.addHandler(
            TestRequestHandler { request, channel in
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
