import HTTPServer
import NIOCore
import HTTPSyntax
import Testing

@Suite(.timeLimit(.minutes(10)))
struct ExchangeTests {
  private static func get(_ path: String, _ fields: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
  }

  // MARK: - The connection's life

  @Test func `a connection serves one request after another`() async throws {
    try await ListenerHarness.run { server throws in
      let client = try server.client()
      for _ in 0..<3 {
        client.send(Self.get("/ok"))
        let response = try client.response()
        #expect(response.status == 200)
        #expect(response.body == "ok")
        #expect(response.headers["connection"] == nil)
      }
      client.send(Self.get("/ok", "Connection: close\r\n"))
      #expect(try client.response().headers["connection"] == "close")
      #expect(try client.readToEnd() == "")
      #expect(server.listener.counters[.accepted] == 1)
      #expect(server.listener.counters[.requests] == 4)
    }
  }

  @Test func `HTTP 1.0 closes unless it asks to stay`() async throws {
    try await ListenerHarness.run { server throws in
      let client = try server.client()
      client.send("GET /ok HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
      #expect(try client.response().headers["connection"] == "keep-alive")
      client.send("GET /ok HTTP/1.0\r\n\r\n")
      #expect(try client.response().headers["connection"] == "close")
      #expect(try client.readToEnd() == "")
    }
  }

  @Test func `HEAD has the fields of GET and no body`() async throws {
    try await ListenerHarness.run { server throws in
      let client = try server.client()
      client.send("HEAD /big HTTP/1.1\r\nHost: a\r\n\r\n" + Self.get("/ok"))
      let head = try client.response(toHead: true)
      #expect(head.headers["content-length"] == "\(1 << 20)")
      #expect(try client.response().body == "ok")
    }
  }

  @Test func `a response without content has no length`() async throws {
    try await ListenerHarness.run { exchange in
      exchange.respond(HTTPResponse(status: exchange.request.target.rawPath == "/304" ? 304 : 204))
    } _: { server throws in
      for path in ["/204", "/304"] {
        let response = try server.exchange(Self.get(path))
        #expect(response.headers["content-length"] == nil)
      }
    }
  }

  @Test func `a large body arrives whole`() async throws {
    try await ListenerHarness.run { server throws in
      let response = try server.exchange(Self.get("/big", "Connection: close\r\n"))
      #expect(response.body == String(repeating: "x", count: 1 << 20))
    }
  }

  @Test func `a route cannot break the framing or write fields of its own through a value`() async throws {
    try await ListenerHarness.run { exchange in
      let headers: HTTPHeaders = [
        "X": "a\r\nEvil: b", "Content-Length": "7", "Transfer-Encoding": "chunked", "Connection": "x",
      ]
      exchange.respond(HTTPResponse(status: 200, headers: headers, body: ByteBuffer(string: "ok")))
    } _: { server throws in
      let response = try server.exchange(Self.get("/"))
      #expect(response.headers["x"] == "a  Evil: b")
      #expect(response.headers["evil"] == nil)
      #expect(response.headers["content-length"] == "2")
      #expect(response.headers["transfer-encoding"] == nil)
      #expect(response.headers["connection"] == nil)
    }
  }

  @Test func `lines written beforehand keep the same rules`() async throws {
    try await ListenerHarness.run { exchange in
      var lines: FieldLines = ["Content-Type": "text/plain", "Content-Length": "7", "connection": "x", "Date": "never"]
      lines.add("X") { $0 += Array("a\r\nEvil: b".utf8) }
      exchange.respond(HTTPResponse(status: 200, lines: lines, headers: ["Y": "c"], body: ByteBuffer(string: "ok")))
    } _: { server throws in
      let response = try server.exchange(Self.get("/"))
      #expect(response.headers["content-type"] == "text/plain" && response.headers["y"] == "c")
      #expect(response.headers["x"] == "a  Evil: b")
      #expect(response.headers["evil"] == nil)
      #expect(response.headers["content-length"] == "2")
      #expect(response.headers["connection"] == nil)
      #expect(response.headers["date"] != "never")
    }
  }

  /// Answers are written one after the other in the same space: one that its peer has not taken must be left alone.
  @Test func `an answer that waits for its peer is not overwritten by the next one's`() async throws {
    let count = 400
    try await ListenerHarness.run { exchange in
      let byte = exchange.request.target.rawPath.utf8.last!
      exchange.respond(HTTPResponse(status: 200, body: ByteBuffer(repeating: byte, count: 16_000)))
    } _: { server throws in
      let slow = try server.client(receiveBuffer: 4096)
      slow.send(String(repeating: Self.get("/a"), count: count))
      let others = try (0..<4).map { _ in try server.client() }
      for _ in 0..<20 {
        for other in others {
          other.send(Self.get("/b"))
          #expect(try other.response().body == String(repeating: "b", count: 16_000))
        }
      }
      for _ in 0..<count { #expect(try slow.response().body == String(repeating: "a", count: 16_000)) }
    }
  }

  // MARK: - Pipelining

  @Test func `pipelined requests are answered in order, however long the first takes`() async throws {
    let seen = Events()
    try await ListenerHarness.run { exchange in
      let path = exchange.request.target.rawPath
      seen.add(path)
      let answer = { exchange.respond(HTTPResponse(status: 200, body: ByteBuffer(string: path))) }
      if path == "/slow" {
        exchange.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(100)) {
          seen.add("answering")
          answer()
        }
      } else {
        answer()
      }
    } _: { server throws in
      let client = try server.client()
      client.send(Self.get("/slow") + Self.get("/a") + Self.get("/b"))
      #expect(try client.response().body == "/slow")
      #expect(try client.response().body == "/a")
      #expect(try client.response().body == "/b")
      #expect(seen.all == ["/slow", "answering", "/a", "/b"])
    }
  }

  @Test func `many pipelined requests in one write are all answered`() async throws {
    try await ListenerHarness.run { server throws in
      let client = try server.client()
      client.send(String(repeating: Self.get("/ok"), count: 2000))
      for _ in 0..<2000 { #expect(try client.response().body == "ok") }
    }
  }

  @Test func `a request pipelined behind a body is not mistaken for it`() async throws {
    try await ListenerHarness.run { server throws in
      let client = try server.client()
      client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + Self.get("/ok"))
      #expect(try client.response().body == "abc")
      #expect(try client.response().body == "ok")
      client.send(
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
          + Self.get("/ok"))
      #expect(try client.response().body == "abc")
      #expect(try client.response().body == "ok")
    }
  }

  // MARK: - Bodies

  @Test func `a body at the limit is read, one above it refused`() async throws {
    try await ListenerHarness.run { server throws in
      let client = try server.client()
      for (count, status) in [(1000, 200), (1001, 413), (1000, 200)] {
        let body = String(repeating: "x", count: count)
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: \(count)\r\n\r\n\(body)")
        #expect(try client.response().status == status)
        client.send(
          "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "\(String(count, radix: 16))\r\n\(body)\r\n0\r\n\r\n")
        #expect(try client.response().status == status)
      }
    }
  }

  @Test func `a body too large to skip closes the connection, and its sender reads why`() async throws {
    try await ListenerHarness.run { server throws in
      let client = try server.client()
      let count = 4 << 20
      client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: \(count)\r\n\r\n")
      client.send([UInt8](repeating: 0x78, count: count))
      let response = try client.response()
      #expect(response.status == 413)
      #expect(response.body == "at most 1000")
      #expect(response.headers["connection"] == "close")
      #expect(try client.readToEnd() == "")
    }
  }

  @Test func `a small unread body is skipped and the connection stays`() async throws {
    try await ListenerHarness.run { server throws in
      let client = try server.client()
      client.send("POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel")
      #expect(try client.response().status == 403)
      client.send("lo" + Self.get("/ok"))
      #expect(try client.response().body == "ok")
    }
  }

  @Test func `a client that waits to send its body is told to go on`() async throws {
    try await ListenerHarness.run { server throws in
      let client = try server.client()
      client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
      #expect(try client.read(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
      client.send("abc")
      #expect(try client.response().body == "abc")
      client.send(Self.get("/ok"))
      #expect(try client.response().body == "ok")
    }
  }

  @Test(arguments: ["/echo", "/unread"])
  func `a client that waits to send a body nobody wants is refused at once`(path: String) async throws {
    try await ListenerHarness.run { server throws in
      let client = try server.client()
      client.send("POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\nExpect: 100-continue\r\n\r\n")
      let response = try client.response()
      #expect(response.status == (path == "/echo" ? 413 : 403))
      #expect(response.headers["connection"] == "close")
      #expect(try client.readToEnd() == "")
    }
  }

  @Test func `a body read later than its request is complete`() async throws {
    try await ListenerHarness.run { exchange in
      exchange.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(50)) {
        exchange.readBody(limit: 1 << 20) { result in
          let count = (try? result.get().readableBytes) ?? -1
          exchange.respond(HTTPResponse(status: 200, body: ByteBuffer(string: "\(count)")))
        }
      }
    } _: { server throws in
      let client = try server.client()
      client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n")
      client.send([UInt8](repeating: 0x78, count: 500_000))
      client.halfClose()
      #expect(try client.response().body == "500000")
    }
  }

  @Test func `a peer that leaves in its body ends the reading`() async throws {
    let seen = Events()
    try await ListenerHarness.run { exchange in
      exchange.readBody(limit: 100) { result in
        if case .failure(let error) = result { seen.add("\(error)") }
      }
      seen.add("reading")
    } _: { server throws in
      let client = try server.client()
      client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
      seen.wait(for: "reading")
      client.close()
      seen.wait(for: "closed")
      #expect(waitUntil { server.listener.connections == 0 })
    }
  }

  // MARK: - Peers that go

  @Test func `a half-closed client still gets its answers`() async throws {
    try await ListenerHarness.run { exchange in
      exchange.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(50)) { Routes.standard(exchange) }
    } _: { server throws in
      let client = try server.client()
      client.send(Self.get("/ok") + "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
      client.halfClose()
      #expect(try client.response().body == "ok")
      #expect(try client.response().body == "hi")
      #expect(try client.readToEnd() == "")
      #expect(waitUntil { server.listener.connections == 0 })
    }
  }

  @Test(arguments: [true, false])
  func `a parked exchange learns that its peer is gone`(byReset: Bool) async throws {
    let seen = Events()
    try await ListenerHarness.run { exchange in
      exchange.endsWithInput = true
      exchange.onClosed = {
        seen.add("closed")
        exchange.respond(HTTPResponse(status: 200))
      }
      seen.add("parked")
    } _: { server throws in
      let client = try server.client()
      client.send(Self.get("/"))
      seen.wait(for: "parked")
      if byReset { client.reset() } else { client.close() }
      seen.wait(for: "closed")
      #expect(waitUntil { server.listener.connections == 0 })
      #expect(seen.all == ["parked", "closed"])
    }
  }

  @Test func `a reset ends a parked exchange that would have outlived a half close`() async throws {
    let seen = Events()
    try await ListenerHarness.run { exchange in
      exchange.onClosed = { seen.add("closed") }
      seen.add("parked")
    } _: { server throws in
      let client = try server.client()
      client.send(Self.get("/"))
      seen.wait(for: "parked")
      client.reset()
      seen.wait(for: "closed")
    }
  }

  /// A closed socket must be noticed behind requests that nobody has read yet.
  @Test func `a parked exchange with requests queued behind it learns that its peer is gone`() async throws {
    let seen = Events()
    try await ListenerHarness.run { exchange in
      exchange.endsWithInput = true
      exchange.onClosed = { seen.add("closed") }
      seen.add("parked")
    } _: { server throws in
      let client = try server.client()
      client.send(Self.get("/") + String(repeating: Self.get("/ok"), count: 3000))
      seen.wait(for: "parked")
      client.close()
      seen.wait(for: "closed")
      #expect(seen.all == ["parked", "closed"])
    }
  }

  @Test func `a peer that sends on behind an open exchange is held back`() async throws {
    let seen = Events()
    try await ListenerHarness.run { exchange in
      exchange.onClosed = { seen.add("closed") }
      seen.add("parked")
    } _: { server throws in
      let client = try server.client()
      client.send(Self.get("/"))
      seen.wait(for: "parked")
      let total = 32 << 20
      #expect(client.sendWithoutWaiting([UInt8](repeating: 0x78, count: total)) < total)
      client.reset()
      seen.wait(for: "closed")
      #expect(seen.all == ["parked", "closed"])
    }
  }
}
