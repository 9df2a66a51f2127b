import GatewayClient
import HTTPSyntax
import Locking
import Synchronization
import TestSupport
import Testing
import WebSocket

@Suite(.timeLimit(.minutes(10))) struct WebSocketClientTests {
  @Test func `messages come in order until the close, whose code and reason are kept`() async throws {
    try await TestServer.run { exchange in
      exchange.acceptWebSocket()
      exchange.sendText("one")
      exchange.sendText("two")
      exchange.sendClose(4001, "come back")
    } _: { server in
      let socket = try await WebSocketClient.connect(to: server.url.appending("/v1/stream"))
      #expect(socket.subprotocol == "sluice.v1.json")
      var texts: [String] = []
      for try await message in socket.messages { texts.append(String(decoding: message.bytes, as: UTF8.self)) }
      #expect(texts == ["one", "two"])
      #expect(socket.closing == WebSocketClient.Closing(code: 4001, reason: "come back"))
    }
  }

  /// The first frames often share a packet with the 101.
  @Test func `frames right behind the answer are not lost`() async throws {
    try await TestServer.run { exchange in
      let key = exchange.request.header("Sec-WebSocket-Key") ?? ""
      var bytes = Array(
        ("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          + "Sec-WebSocket-Accept: \(WebSocketHandshake.acceptKey(for: key))\r\n\r\n").utf8)
      WebSocketFrame.text("first", to: &bytes)
      WebSocketFrame.text("second", to: &bytes)
      exchange.send(bytes: bytes)
    } _: { server in
      let socket = try await WebSocketClient.connect(to: server.url)
      let messages = socket.messages.makeAsyncIterator()
      #expect(try await messages.next()?.bytes == Array("first".utf8))
      #expect(try await messages.next()?.bytes == Array("second".utf8))
      socket.abandon()
    }
  }

  @Test(arguments: [true, false])
  func `messages that share a packet with the end come before it`(isProper: Bool) async throws {
    try await TestServer.run { exchange in
      exchange.acceptWebSocket()
      var bytes: [UInt8] = []
      WebSocketFrame.text("one", to: &bytes)
      WebSocketFrame.text("two", to: &bytes)
      if isProper { WebSocketFrame.close(code: 1000, to: &bytes) } else { bytes += [0x83, 0x00] }
      exchange.send(bytes: bytes)
    } _: { server in
      let socket = try await WebSocketClient.connect(to: server.url)
      let messages = socket.messages.makeAsyncIterator()
      #expect(try await messages.next()?.bytes == Array("one".utf8))
      #expect(try await messages.next()?.bytes == Array("two".utf8))
      if isProper {
        #expect(try await messages.next() == nil)
      } else {
        await #expect(throws: GatewayClientError.self) { try await messages.next() }
      }
    }
  }

  @Test func `compressed messages are inflated`() async throws {
    let text = String(repeating: "orders.42 ", count: 1000)
    try await TestServer.run { exchange in
      #expect(exchange.request.header("Sec-WebSocket-Extensions") == PermessageDeflate.offer)
      exchange.acceptWebSocket(extensions: PermessageDeflate.offer)
      var compressed: [UInt8] = []
      Array(text.utf8).withUnsafeBytes { MessageDeflater().compress($0, appendTo: &compressed) }
      var frame: [UInt8] = []
      compressed.withUnsafeBytes { WebSocketFrame.text($0, rsv1: true, to: &frame) }
      exchange.send(bytes: frame)
    } _: { server in
      let socket = try await WebSocketClient.connect(to: server.url)
      let message = try await socket.messages.makeAsyncIterator().next()
      #expect(message?.bytes == Array(text.utf8))
      socket.abandon()
    }
  }

  @Test func `what is sent arrives masked, and pings are answered both ways`() async throws {
    let heard = Guarded<[WebSocketEvent]>([])
    try await TestServer.run { exchange in
      exchange.acceptWebSocket { event in
        heard.withLock { $0.append(event) }
        var bytes: [UInt8] = []
        switch event {
        case .ping(let payload): WebSocketFrame.pong(payload, to: &bytes)
        case .message: WebSocketFrame.ping([7], to: &bytes)
        case .close: WebSocketFrame.close(code: 1000, to: &bytes)
        case .pong: break
        }
        exchange.send(bytes: bytes)
      }
    } _: { server in
      let socket = try await WebSocketClient.connect(to: server.url)
      try await socket.send("hello")
      try await socket.ping([1, 2])
      await socket.close(code: 1000, reason: "done")
      let events = heard.withLock { $0 }
      #expect(events.contains(.message(.text, Array("hello".utf8))))
      #expect(events.contains(.ping([1, 2])))
      #expect(events.contains(.pong([7])))
      #expect(events.last == .close(code: 1000, reason: "done"))
      #expect(socket.closing?.code == 1000)
      await #expect(throws: GatewayClientError.self) { try await socket.send("too late") }
    }
  }

  @Test func `an HTTP refusal is one`() async throws {
    try await TestServer.run { exchange in
      exchange.answer(
        400, type: "application/problem+json",
        #"{"type":"urn:sluice:error:invalid-topic","title":"t","status":400,"detail":"a..b has an empty segment"}"#)
    } _: { server in
      let error = await #expect(throws: GatewayClientError.self) { try await WebSocketClient.connect(to: server.url) }
      guard case .refused(let refusal) = error else {
        Issue.record("not refused: \(String(describing: error))")
        return
      }
      #expect(refusal.code == "invalid-topic")
    }
  }

  /// A proxy that refused in chunks and kept the connection open looked like one that never answers.
  @Test func `a refusal in chunks is complete with the last one`() async throws {
    let problem = #"{"type":"urn:sluice:error:not-found","title":"t","status":404,"detail":"d"}"#
    let chunks = [problem.prefix(20), problem.dropFirst(20)].map {
      "\(String($0.utf8.count, radix: 16));x=1\r\n\($0)\r\n"
    }
    try await TestServer.run { exchange in
      exchange.send("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n\(chunks.joined())0\r\n\r\n")
    } _: { server in
      let error = await #expect(throws: GatewayClientError.self) { try await WebSocketClient.connect(to: server.url) }
      guard case .refused(let refusal) = error else {
        Issue.record("not refused: \(String(describing: error))")
        return
      }
      #expect(refusal.status == 404 && refusal.code == "not-found")
    }
  }

  @Test(arguments: [
    "HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\ncut off", "HTTP/1.1 403 Forbidden\r\n\r\nuntil the end",
    "HTTP/1.0 403 Forbidden\r\n\r\nby an old proxy", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 X\r\n\r\n",
  ])
  func `a refusal may end with its connection, complete or not`(_ answer: String) async throws {
    try await TestServer.run { exchange in
      exchange.send(answer)
      exchange.closeWhenSent()
    } _: { server in
      let error = await #expect(throws: GatewayClientError.self) { try await WebSocketClient.connect(to: server.url) }
      guard case .refused(let refusal) = error else {
        Issue.record("not refused: \(String(describing: error))")
        return
      }
      #expect(refusal.status == 403 && answer.hasSuffix(String(decoding: refusal.body, as: UTF8.self)))
    }
  }

  @Test func `a connection that ends before the answer is a lost one`() async throws {
    try await TestServer.run { exchange in
      exchange.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n")
      exchange.closeWhenSent()
    } _: { server in
      await #expect(throws: GatewayClientError.connectionLost("the gateway closed it before it answered")) {
        try await WebSocketClient.connect(to: server.url)
      }
    }
  }

  @Test func `a header field with a line break is not sent`() async throws {
    try await TestServer.run { _ in
    } _: { server in
      var options = WebSocketClient.Options()
      options.headers = ["Authorization": "Bearer a\r\nEvil: b"]
      let error = await #expect(throws: GatewayClientError.self) {
        try await WebSocketClient.connect(to: server.url, options: options)
      }
      guard case .invalidRequest = error else {
        Issue.record("not invalidRequest: \(String(describing: error))")
        return
      }
      #expect(server.connectionCount == 0)
    }
  }

  @Test(arguments: [
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
    "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", "nonsense\r\n\r\n",
    "HTTP/1.0 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
  ])
  func `an answer that is no handshake is not understood`(_ answer: String) async throws {
    try await TestServer.run {
      $0.send(answer)
    } _: { server in
      let error = await #expect(throws: GatewayClientError.self) { try await WebSocketClient.connect(to: server.url) }
      guard case .notUnderstood = error else {
        Issue.record("not notUnderstood: \(String(describing: error))")
        return
      }
    }
  }

  @Test func `a connection cut without a close frame is a lost one`() async throws {
    try await TestServer.run { exchange in
      exchange.acceptWebSocket()
      exchange.sendText("one")
      exchange.closeWhenSent()
    } _: { server in
      let socket = try await WebSocketClient.connect(to: server.url)
      let messages = socket.messages.makeAsyncIterator()
      #expect(try await messages.next() != nil)
      let error = await #expect(throws: GatewayClientError.self) { try await messages.next() }
      guard case .connectionLost = error else {
        Issue.record("not connectionLost: \(String(describing: error))")
        return
      }
      #expect(socket.closing == nil)
    }
  }

  @Test func `a frame against the rules is answered with its close code`() async throws {
    let heard = Guarded<[WebSocketEvent]>([])
    try await TestServer.run { exchange in
      exchange.acceptWebSocket { event in heard.withLock { $0.append(event) } }
      exchange.send(bytes: [0xC3, 0x00])
    } _: { server in
      let socket = try await WebSocketClient.connect(to: server.url)
      await #expect(throws: GatewayClientError.self) { try await socket.messages.makeAsyncIterator().next() }
      while heard.withLock({ $0.isEmpty }) { await Task.yield() }
      guard case .close(let code, _)? = heard.withLock({ $0.first }) else {
        Issue.record("no close frame")
        return
      }
      #expect(code == 1002)
    }
  }

  @Test func `silence beyond the limit ends the messages`() async throws {
    try await TestServer.run {
      $0.acceptWebSocket()
    } _: { server in
      var options = WebSocketClient.Options()
      options.silenceLimit = .milliseconds(150)
      let socket = try await WebSocketClient.connect(to: server.url, options: options)
      await #expect(throws: GatewayClientError.timedOut("nothing came for 0.1 s")) {
        try await socket.messages.makeAsyncIterator().next()
      }
    }
  }

  @Test func `a handshake that gets no answer times out`() async throws {
    try await TestServer.run { _ in
    } _: { server in
      var options = WebSocketClient.Options()
      options.timeout = .milliseconds(1500)
      let error = await #expect(throws: GatewayClientError.self) {
        try await WebSocketClient.connect(to: server.url, options: options)
      }
      #expect(error == .timedOut("no answer to the handshake within 1.5 s"))
      while server.openConnectionCount > 0 { await Task.yield() }
    }
  }

  @Test func `a port where nobody listens is unreachable`() async throws {
    let port = try HeldPort()
    defer { withExtendedLifetime(port) {} }
    let url = try GatewayURL("http://127.0.0.1:\(port.number)")
    let error = await #expect(throws: GatewayClientError.self) { try await WebSocketClient.connect(to: url) }
    guard case .unreachable = error else {
      Issue.record("not unreachable: \(String(describing: error))")
      return
    }
  }
}
