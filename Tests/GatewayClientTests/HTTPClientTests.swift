import GatewayClient
import Locking
import NIOCore
import NIOPosix
import HTTPSyntax
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct HTTPClientTests {
  @Test func `a request carries Host, its headers and its body, and brings the whole answer`() async throws {
    try await TestServer.run {
      $0.answer(201, headers: "X-A: 1\r\n", "{\"ok\":true}")
    } _: { server in
      let client = HTTPClient()
      let answer = try await client.request(
        .POST, server.url.appending("/a?b=c"), headers: ["Content-Type": "text/plain"],
        body: ByteBuffer(string: "hello"))
      #expect(answer.status == 201)
      #expect(answer.headers.first(name: "X-A") == "1")
      #expect(String(decoding: answer.bytes, as: UTF8.self) == "{\"ok\":true}")
      #expect(answer.refusal == nil)
      let request = try #require(server.requests.first)
      #expect(request.method == "POST")
      #expect(request.target == "/a?b=c")
      #expect(request.header("Host") == "127.0.0.1:\(server.url.port)")
      #expect(request.header("Content-Length") == "5")
      #expect(request.body == "hello")
      await client.close()
    }
  }

  @Test func `chunks that come together are one piece, and come before what is wrong behind them`() async throws {
    try await TestServer.run {
      $0.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
          + "4\r\none\n\r\n4\r\ntwo\n\r\nthis is no chunk\r\n")
    } _: { server in
      let client = HTTPClient()
      let answer = try await client.stream(.GET, server.url)
      let chunks = answer.chunks.makeAsyncIterator()
      #expect(try await chunks.next() == ByteBuffer(string: "one\ntwo\n"))
      await #expect(throws: GatewayClientError.self) { try await chunks.next() }
      await client.close()
    }
  }

  @Test func `requests one after the other share a connection`() async throws {
    try await TestServer.run {
      $0.answer(200, "\($0.number)")
    } _: { server in
      let client = HTTPClient()
      for number in 1...5 {
        let answer = try await client.request(.GET, server.url)
        #expect(String(buffer: answer.body) == "\(number)")
      }
      #expect(server.connectionCount == 1)
      await client.close()
    }
  }

  @Test func `requests at the same time have connections of their own`() async throws {
    try await TestServer.run {
      $0.answer(200, "x")
    } _: { server in
      let client = HTTPClient()
      let count = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<20 { group.addTask { try await client.request(.GET, server.url).status } }
        return try await group.reduce(0) { $0 + ($1 == 200 ? 1 : 0) }
      }
      #expect(count == 20)
      await client.close()
    }
  }

  @Test func `an answer with Connection close is not followed by another on its connection`() async throws {
    try await TestServer.run {
      $0.answer(200, headers: "Connection: close\r\n", "x")
    } _: { server in
      let client = HTTPClient()
      for _ in 0..<3 {
        let answer = try await client.request(.GET, server.url)
        #expect(answer.status == 200)
      }
      #expect(server.connectionCount == 3)
      await client.close()
    }
  }

  @Test func `a refusal has its code, its detail and Retry-After`() async throws {
    let body = #"{"type":"urn:sluice:error:draining","title":"Draining","status":503,"detail":"come back later"}"#
    try await TestServer.run {
      $0.answer(503, headers: "Retry-After: 7\r\n", body)
    } _: { server in
      let client = HTTPClient()
      let refusal = try #require(try await client.request(.GET, server.url).refusal)
      #expect(refusal.code == "draining")
      #expect(refusal.detail == "come back later")
      #expect(refusal.retryAfter == 7)
      #expect(refusal.description == "come back later (draining)")
      #expect(refusal.isTemporary)
      await client.close()
    }
  }

  @Test func `an error that is not problem details still has a sentence`() {
    let refusal = Refusal(status: 404, retryAfter: nil, body: Array("<html>".utf8))
    #expect(refusal.description == "the answer was 404, without a reason (HTTP 404)")
    #expect(!refusal.isTemporary)
  }

  @Test func `a port where nobody listens is unreachable`() async throws {
    let client = HTTPClient()
    let port = try HeldPort()
    defer { withExtendedLifetime(port) {} }
    let url = try GatewayURL("http://127.0.0.1:\(port.number)")
    let error = await #expect(throws: GatewayClientError.self) { try await client.request(.GET, url) }
    #expect(error == .unreachable("cannot reach the gateway at http://127.0.0.1:\(url.port): Connection refused"))
    #expect(error?.isTemporary == true)
  }

  @Test func `an answer that does not come times out`() async throws {
    try await TestServer.run { _ in
    } _: { server in
      let client = HTTPClient()
      let error = await #expect(throws: GatewayClientError.self) {
        try await client.request(.GET, server.url, timeout: .milliseconds(100))
      }
      #expect(error == .timedOut("no complete answer within 0.1 s"))
      await client.close()
    }
  }

  @Test func `an answer cut short is a lost connection`() async throws {
    try await TestServer.run { exchange in
      exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
      exchange.close()
    } _: { server in
      let client = HTTPClient()
      let error = await #expect(throws: GatewayClientError.self) { try await client.request(.GET, server.url) }
      guard case .connectionLost = error else {
        Issue.record("not connectionLost: \(String(describing: error))")
        return
      }
      await client.close()
    }
  }

  // MARK: - Framing

  @Test func `informational responses are skipped`() async throws {
    try await TestServer.run { exchange in
      exchange.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
      exchange.answer(200, "x")
    } _: { server in
      let client = HTTPClient()
      let answer = try await client.request(.GET, server.url)
      #expect(answer.status == 200 && String(buffer: answer.body) == "x")
      #expect(answer.headers.first(name: "Link") == nil)
      await client.close()
    }
  }

  @Test func `answers without a body leave their connection usable`() async throws {
    try await TestServer.run { exchange in
      switch exchange.number {
      case 1: exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
      case 2: exchange.send("HTTP/1.1 204 No Content\r\n\r\n")
      case 3: exchange.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")
      default: exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nT: t\r\n\r\n")
      }
    } _: { server in
      let client = HTTPClient()
      for (method, status, body) in [(HTTPMethod.HEAD, 200, ""), (.GET, 204, ""), (.GET, 304, ""), (.GET, 200, "x")] {
        let answer = try await client.request(method, server.url)
        #expect(answer.status == status && String(buffer: answer.body) == body)
      }
      #expect(server.connectionCount == 1)
      await client.close()
    }
  }

  @Test func `a connection with bytes behind an answer is not used again`() async throws {
    try await TestServer.run { exchange in
      exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny")
    } _: { server in
      let client = HTTPClient()
      for _ in 0..<2 {
        let answer = try await client.request(.GET, server.url)
        #expect(String(buffer: answer.body) == "x")
      }
      #expect(server.connectionCount == 2)
      await client.close()
    }
  }

  @Test func `an answer that nobody asked for closes the idle connection`() async throws {
    let first = Guarded<TestExchange?>(nil)
    try await TestServer.run { exchange in
      first.withLock { $0 = $0 ?? exchange }
      exchange.answer(200, "\(exchange.number)")
    } _: { server in
      let client = HTTPClient()
      _ = try await client.request(.GET, server.url)
      first.withLock { $0 }?.answer(200, "stray")
      while server.openConnectionCount > 0 { await Task.yield() }
      let answer = try await client.request(.GET, server.url)
      #expect(String(buffer: answer.body) == "2")
      await client.close()
    }
  }

  /// A server may refuse a large request by its head, and not read the rest.
  @Test func `an answer before the request is complete is an answer`() async throws {
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelOption(.autoRead, value: false)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(EarlyAnswer()) }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let client = HTTPClient()
    let url = GatewayURL(host: "127.0.0.1", port: try #require(channel.localAddress?.port))
    let answer = try await client.request(.POST, url, body: ByteBuffer(repeating: 0x61, count: 64 << 20))
    #expect(answer.status == 413 && String(buffer: answer.body) == "too large")
    await client.close()
    try await channel.close()
  }

  @Test(arguments: [("X", "a\r\nEvil: b"), ("X", "a\nb"), ("X: a\r\nEvil", "b")])
  func `a header field with a line break is not sent`(name: String, value: String) async throws {
    try await TestServer.run {
      $0.answer(200, "x")
    } _: { server in
      let client = HTTPClient()
      let error = await #expect(throws: GatewayClientError.self) {
        try await client.request(.GET, server.url, headers: HTTPHeaders([(name, value)]))
      }
      guard case .invalidRequest = error else {
        Issue.record("not invalidRequest: \(String(describing: error))")
        return
      }
      #expect(server.connectionCount == 0)
      await client.close()
    }
  }

  @Test(arguments: [
    ("HTTP/1.1 200 OK\nContent-Length: 0\n\n", " (every line of a response ends with CR LF; a CR or LF stands alone)"),
    (
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      " (the response has both Content-Length and Transfer-Encoding)"
    ), ("HTTP/2", ""),
  ])
  func `a malformed answer is not understood, and the error says why`(bytes: String, why: String) async throws {
    try await TestServer.run {
      $0.send(bytes)
    } _: { server in
      let client = HTTPClient()
      await #expect(throws: GatewayClientError.notUnderstood("its answer is not HTTP/1.1\(why)")) {
        try await client.request(.GET, server.url)
      }
      await client.close()
    }
  }

  @Test func `what is not HTTP is not understood`() async throws {
    try await TestServer.run {
      $0.send("SSH-2.0-OpenSSH_9\r\n\r\n")
    } _: { server in
      let client = HTTPClient()
      let error = await #expect(throws: GatewayClientError.self) { try await client.request(.GET, server.url) }
      guard case .notUnderstood = error else {
        Issue.record("not notUnderstood: \(String(describing: error))")
        return
      }
      await client.close()
    }
  }

  /// On a connection that lay idle nothing comes between the caller and the exchange: the cancellation was heard before
  /// there was anything to cancel, and the request waited for its whole time limit.
  @Test func `a request of a task that is cancelled already ends at once`() async throws {
    try await TestServer.run {
      if $0.number == 1 { $0.answer(200, "") }
    } _: { server in
      let client = HTTPClient()
      _ = try await client.request(.GET, server.url)
      let (cancelled, isCancelled) = AsyncStream.makeStream(of: Void.self)
      let task = Task {
        for await _ in cancelled {}
        _ = try await client.request(.GET, server.url)
      }
      task.cancel()
      isCancelled.finish()
      await #expect(throws: CancellationError.self) { try await task.value }
      await client.close()
    }
  }

  @Test func `a cancelled request ends at once`() async throws {
    try await TestServer.run { _ in
    } _: { server in
      let client = HTTPClient()
      let task = Task { try await client.request(.GET, server.url) }
      while server.requests.isEmpty { await Task.yield() }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      await client.close()
    }
  }

  @Test func `closing the client fails what is under way and what comes after`() async throws {
    try await TestServer.run { _ in
    } _: { server in
      let client = HTTPClient()
      let task = Task { try await client.request(.GET, server.url) }
      while server.requests.isEmpty { await Task.yield() }
      await client.close()
      await #expect(throws: GatewayClientError.clientClosed) { try await task.value }
      await #expect(throws: GatewayClientError.clientClosed) { try await client.request(.GET, server.url) }
    }
  }

  /// A server may close a connection while it lies unused; the client must find out by itself.
  @Test func `an idle connection that the server closed is not used again`() async throws {
    try await TestServer.run { exchange in
      exchange.answer(200, "x")
      if exchange.number == 1 { exchange.close() }
    } _: { server in
      let client = HTTPClient()
      let first = try await client.request(.GET, server.url)
      let second = try await client.request(.GET, server.url)
      #expect(first.status == 200 && second.status == 200)
      #expect(server.connectionCount == 2)
      await client.close()
    }
  }

  @Test func `a streamed answer is read as it comes`() async throws {
    let exchanges = Guarded<TestExchange?>(nil)
    try await TestServer.run { exchange in
      exchanges.withLock { $0 = exchange }
      exchange.beginStream(type: "text/plain")
      exchange.send("one")
    } _: { server in
      let client = HTTPClient()
      let answer = try await client.stream(.GET, server.url)
      let chunks = answer.chunks.makeAsyncIterator()
      #expect(try await chunks.next().map { String(buffer: $0) } == "one")
      exchanges.withLock { $0 }?.send("two")
      #expect(try await chunks.next().map { String(buffer: $0) } == "two")
      exchanges.withLock { $0 }?.close()
      #expect(try await chunks.next() == nil)
      await client.close()
    }
  }

  /// 64 MiB towards a reader that takes nothing must not be taken off the socket: the server's writes stay unfinished.
  @Test func `a reader that takes nothing stops the connection's reading`() async throws {
    let sent = Guarded(0)
    try await TestServer.run { exchange in
      exchange.beginStream(type: "text/plain")
      for _ in 0..<64 {
        exchange.send(bytes: Array(repeating: 0x61, count: 1 << 20)) { sent.withLock { $0 += 1 } }
      }
      exchange.closeWhenSent()
    } _: { server in
      let client = HTTPClient()
      let answer = try await client.stream(.GET, server.url)
      // The kernel's buffers and ours hold some; wait until no more is taken, and see that it is not all.
      var last = -1
      while true {
        let now = sent.withLock { $0 }
        if now == last { break }
        last = now
        try await Task.sleep(for: .milliseconds(150))
      }
      #expect(last < 60)
      var total = 0
      for try await chunk in answer.chunks { total += chunk.readableBytes }
      #expect(total == 64 << 20)
      await client.close()
    }
  }

  @Test func `a stream that falls silent fails after its limit`() async throws {
    try await TestServer.run { exchange in
      exchange.beginStream(type: "text/plain")
      exchange.send("one")
    } _: { server in
      let client = HTTPClient()
      let answer = try await client.stream(.GET, server.url, silence: .milliseconds(200))
      let chunks = answer.chunks.makeAsyncIterator()
      #expect(try await chunks.next() != nil)
      await #expect(throws: GatewayClientError.timedOut("nothing came for 0.2 s")) { try await chunks.next() }
      await client.close()
    }
  }

  @Test func `a stream given up closes its connection`() async throws {
    try await TestServer.run { exchange in
      exchange.beginStream(type: "text/plain")
      exchange.send("one")
    } _: { server in
      let client = HTTPClient()
      do {
        let answer = try await client.stream(.GET, server.url)
        #expect(try await answer.chunks.makeAsyncIterator().next() != nil)
      }
      while server.openConnectionCount > 0 { await Task.yield() }
      #expect(server.connectionCount == 1)
      await client.close()
    }
  }
}

/// Answers after the first bytes of a request, and reads no more of it.
private final class EarlyAnswer: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  func channelActive(context: ChannelHandlerContext) { context.read() }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let answer = "HTTP/1.1 413 X\r\nConnection: close\r\nContent-Length: 9\r\n\r\ntoo large"
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
  }
}
