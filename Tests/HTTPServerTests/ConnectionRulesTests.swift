import HTTPServer
import NIOCore
import Testing

/// What a client sees of each rule, on a real socket: the status, the close, and that the next client is served.
@Suite(.timeLimit(.minutes(10)))
struct ConnectionRulesTests {
  private static let fields = "Host: a\r\n\r\n"

  @Test(arguments: [
    ("GET /ok HTTP/1.1\r\n\r\n", 400), ("GET /ok HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    ("GET /ok HTTP/1.1\r\nHost: a b\r\n\r\n", 400), ("GET /ok HTTP/1.1\nHost: a\n\n", 400),
    ("GET /ok HTTP/1.1\r\nHost: a\r\n x\r\n\r\n", 400), ("GET /ok HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    ("GET /ok HTTP/1.1\r\nHost: a\r\nX: \u{1}\r\n\r\n", 400), ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 400),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ("GET /\(String(repeating: "x", count: 9000)) HTTP/1.1\r\n\(fields)", 414),
    ("GET / HTTP/1.1\r\nX: \(String(repeating: "x", count: 20000))\r\n\(fields)", 431),
    ("GET / HTTP/1.1\r\n\(String(repeating: "X: y\r\n", count: 101))\(fields)", 431),
    ("PRI * HTTP/2.1\r\n\r\n", 505), ("GET / HTTP/3.0\r\n\r\n", 505), ("GET /\r\n\r\n", 400),
    ("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: a miracle\r\nContent-Length: 1\r\n\r\n", 417),
    ("\u{16}\u{3}\u{1}\u{2}\0\u{1}", 400),
  ])
  func `a broken request is answered once and closed`(bytes: String, status: Int) async throws {
    try await ListenerHarness.run { server throws in
      let client = try server.client()
      // What follows must not be taken for a request.
      client.send(bytes + "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
      let response = try client.response()
      #expect(response.status == status)
      #expect(response.headers["connection"] == "close")
      #expect(response.headers["content-type"] == "application/problem+json")
      let date = try #require(response.headers["date"])
      #expect(date.wholeMatch(of: /[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT/) != nil)
      #expect(try client.readToEnd() == "")
      try server.checkStillServes()
      #expect(server.listener.counters[.badRequests] == 1)
    }
  }

  @Test(arguments: [
    "GET /ok HTTP/1.0\r\n\r\n", "\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET http://b.example/ok HTTP/1.1\r\nHost: a\r\n\r\n", "GET /ok HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
    "GET /ok HTTP/1.2\r\nHost: a\r\n\r\n", "GET /ok HTTP/1.1\r\nhOST:a\t \r\n\r\n",
  ])
  func `an unusual but sound request is served`(bytes: String) async throws {
    try await ListenerHarness.run { server throws in
      #expect(try server.exchange(bytes).status == 200)
    }
  }

  @Test func `an absolute target's authority wins over Host`() async throws {
    let seen = Events()
    try await ListenerHarness.run { exchange in
      seen.add("\(exchange.request.authority) \(exchange.request.remoteAddress) \(exchange.request.scheme)")
      exchange.respond(HTTPResponse(status: 204))
    } _: { server throws in
      #expect(try server.exchange("GET http://b.example:81/ HTTP/1.1\r\nHost: a\r\n\r\n").status == 204)
      #expect(try server.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 204)
      #expect(seen.all == ["b.example:81 127.0.0.1 http", "a 127.0.0.1 http"])
    }
  }

  @Test(arguments: ["Upgrade: h2c\r\nConnection: Upgrade", "Upgrade: websocket\r\nConnection: Upgrade"])
  func `an upgrade that is not taken is answered and closed`(fields: String) async throws {
    try await ListenerHarness.run { server throws in
      let client = try server.client()
      client.send("GET /ok HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n")
      let response = try client.response()
      #expect(response.status == 200)
      #expect(response.headers["connection"] == "close")
      #expect(try client.readToEnd() == "")
    }
  }

  @Test func `a head that comes too slowly is answered 408`() async throws {
    var settings = HTTPListenerSettings()
    settings.requestHeadTime = .milliseconds(150)
    try await ListenerHarness.run(settings) { server throws in
      let client = try server.client()
      client.send("GET /ok HTTP/1.1\r\nHost:")
      let response = try client.response()
      #expect(response.status == 408)
      #expect(response.headers["connection"] == "close")
      #expect(try client.readToEnd() == "")
      try server.checkStillServes()
      #expect(server.listener.counters[.timeouts] == 1)
    }
  }

  /// Each byte in time is not enough: it is the whole head that must be there.
  @Test func `dripping bytes do not extend a head's time`() async throws {
    var settings = HTTPListenerSettings()
    settings.requestHeadTime = .milliseconds(200)
    try await ListenerHarness.run(settings) { server throws in
      let client = try server.client()
      client.send("GET /ok HTTP/1.1\r\nX: ")
      var sent = 0
      _ = waitUntil {
        client.send("x")
        sent += 1
        return server.listener.counters[.timeouts] == 1
      }
      #expect(server.listener.counters[.timeouts] == 1)
      #expect(sent > 1)
      #expect(try client.response().status == 408)
    }
  }

  @Test func `a body that comes too slowly is answered 408`() async throws {
    var settings = HTTPListenerSettings()
    settings.bodyTime = .milliseconds(150)
    let seen = Events()
    try await ListenerHarness.run(settings) { exchange in
      exchange.readBody(limit: 100) { result in
        if case .failure(let error) = result { seen.add("\(error)") }
        exchange.respond(HTTPResponse(status: 200))
      }
    } _: { server throws in
      let client = try server.client()
      client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
      let response = try client.response()
      #expect(response.status == 408)
      #expect(response.headers["connection"] == "close")
      #expect(try client.readToEnd() == "")
      seen.wait(for: "timedOut")
    }
  }

  @Test func `an idle connection is closed without a word`() async throws {
    var settings = HTTPListenerSettings()
    settings.idleTime = .milliseconds(100)
    settings.requestHeadTime = .milliseconds(100)
    try await ListenerHarness.run(settings) { server throws in
      let served = try server.client()
      served.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(try served.response().status == 200)
      #expect(try served.readToEnd() == "")
      let silent = try server.client()
      #expect(try silent.readToEnd() == "")
      #expect(waitUntil { server.listener.connections == 0 })
    }
  }

  @Test func `a client that reads no answers is closed, and its requests wait meanwhile`() async throws {
    var settings = HTTPListenerSettings()
    settings.stallTime = .milliseconds(200)
    try await ListenerHarness.run(settings) { server throws in
      let client = try server.client(receiveBuffer: 4096)
      // Each answer is a megabyte: only the first few fit anywhere.
      client.send(String(repeating: "GET /big HTTP/1.1\r\nHost: a\r\n\r\n", count: 100))
      #expect(waitUntil { server.listener.counters[.stalled] == 1 })
      #expect(server.listener.counters[.requests] < 20)
      #expect(waitUntil { server.listener.connections == 0 })
      try server.checkStillServes()
    }
  }

  @Test func `a client that reads no answers is closed though it goes on sending`() async throws {
    var settings = HTTPListenerSettings()
    settings.stallTime = .milliseconds(300)
    try await ListenerHarness.run(settings) { server throws in
      let client = try server.client(receiveBuffer: 4096)
      client.send(String(repeating: "GET /big HTTP/1.1\r\nHost: a\r\n\r\n", count: 10))
      // A head that never ends, a byte at a time and each well within the stall time.
      let isStalled = waitUntil {
        _ = client.sendWithoutWaiting([0x58])
        return server.listener.counters[.stalled] == 1
      }
      #expect(isStalled)
      #expect(waitUntil { server.listener.connections == 0 })
    }
  }
}
