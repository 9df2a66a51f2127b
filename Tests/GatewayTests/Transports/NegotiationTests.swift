import Configuration
import Gateway
import Testing

extension OverSockets {
  @Suite(.serialized) struct NegotiationTests {
    @Test(.timeLimit(.minutes(10)))
    func `negotiating tells transports, position and limits`() async throws {
      try await withGateway {
        $0.limits.messageBytes = 12_345
      } _: { gateway in
        let last = try await gateway.publish("t", 1...3)
        let host = gateway.url.dropFirst("http://".count)
        let answer = try await gateway.call("GET", "/v1/negotiate?topic=t")
        #expect(answer.status == 200 && answer["Cache-Control"] == "no-store")
        let entries = [("websocket", "ws"), ("sse", "http"), ("ndjson", "http"), ("poll", "http")].map {
          #"{"name":"\#($0.0)","url":"\#($0.1)://\#(host)/v1/stream"}"#
        }
        #expect(
          answer.text == #"{"transports":[\#(entries.joined(separator: ","))],"position":"\#(last)","heartbeat":25,"#
            + #""max_message_bytes":12345,"reconnect":{"min_ms":500,"max_ms":20000}}"#)
        let some = try await gateway.call("GET", "/v1/negotiate?transports=poll,sse,telepathy")
        #expect(some.elements("transports") == [entries[1], entries[3]])
      }
    }

    @Test(
      .timeLimit(.minutes(10)),
      arguments: [
        ("text/event-stream", "", "text/event-stream"), ("application/x-ndjson", "", "application/x-ndjson"),
        ("application/json", "", "application/json"), ("*/*", "", "application/json"),
        ("text/html, */*;q=0.1", "", "application/json"),
        ("application/json, text/event-stream;q=0.5", "", "text/event-stream"),
        ("text/event-stream;q=0, application/x-ndjson", "", "application/x-ndjson"),
        ("*/*", "&transport=sse", "text/event-stream"), ("text/event-stream", "&transport=poll", "application/json"),
        ("text/html", "&transport=ndjson", "application/x-ndjson"),
      ])
    func `the request chooses the transport, and the parameter overrules it`(
      accept: String, more: String, type: String
    ) async throws {
      try await withGateway { gateway in
        let http = try await HTTPWire.connect(to: gateway.url)
        http.send("GET", "/v1/stream?topic=t\(more)", headers: [("Accept", accept)])
        let answer = try await http.head()
        #expect(answer.status == 200 && answer["Content-Type"] == type)
      }
    }
  }

  @Suite(.serialized) struct CrossOriginTests {
    private static let page = "https://app.example.com"

    @Test(.timeLimit(.minutes(10)))
    func `an allowed origin is told so and a foreign one is refused`() async throws {
      try await withGateway {
        $0.cors.origins = [Self.page]
      } _: { gateway in
        let allowed = try await gateway.call("GET", "/v1/negotiate", headers: [("Origin", Self.page)])
        #expect(allowed.status == 200 && allowed["Access-Control-Allow-Origin"] == Self.page)
        #expect(allowed["Vary"] == "Origin" && allowed["Access-Control-Expose-Headers"]?.contains("Link") == true)
        let problem = try await gateway.call("GET", "/v1/stream?x=1", headers: [("Origin", Self.page)])
        #expect(problem.status == 400 && problem["Access-Control-Allow-Origin"] == Self.page)
        let foreign = try await gateway.call("GET", "/v1/negotiate", headers: [("Origin", "https://evil.example")])
        #expect(foreign.status == 403 && foreign["Access-Control-Allow-Origin"] == nil)
        let plain = try await gateway.call("GET", "/v1/negotiate")
        #expect(plain.status == 200 && plain["Access-Control-Allow-Origin"] == nil && plain["Vary"] == "Origin")
        let own = try await gateway.call("GET", "/v1/negotiate", headers: [("Origin", gateway.url)])
        #expect(own.status == 200 && own["Access-Control-Allow-Origin"] == nil)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a preflight says what may be sent`() async throws {
      try await withGateway {
        $0.cors.origins = [Self.page]
      } _: { gateway in
        let ask = [("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "idempotency-key")]
        let allowed = try await gateway.call(
          "OPTIONS", "/v1/topics/t/messages", headers: [("Origin", Self.page)] + ask)
        #expect(allowed.status == 204 && allowed["Access-Control-Allow-Origin"] == Self.page, "\(allowed)")
        #expect(allowed["Access-Control-Allow-Methods"] == "GET, POST, DELETE")
        #expect(allowed["Access-Control-Allow-Headers"]?.contains("Idempotency-Key") == true)
        let foreign = try await gateway.call(
          "OPTIONS", "/v1/topics/t/messages", headers: [("Origin", "https://evil.example")] + ask)
        #expect(foreign.status == 403 && foreign["Access-Control-Allow-Methods"] == nil)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a star allows every origin`() async throws {
      try await withGateway {
        $0.cors.origins = ["*"]
      } _: { gateway in
        let answer = try await gateway.call("GET", "/v1/negotiate", headers: [("Origin", "https://any.example")])
        #expect(answer.status == 200 && answer["Access-Control-Allow-Origin"] == "*")
      }
    }

    @Test(
      .timeLimit(.minutes(10)),
      arguments: [
        ("https://rt.example.com/base", "https://rt.example.com", 200),
        ("https://RT.example.com:443", "https://rt.example.com", 200),
        ("http://rt.example.com:8080", "http://rt.example.com:8080", 200),
        ("http://rt.example.com:8080", "http://rt.example.com", 403),
        ("https://rt.example.com", "https://rt.example.com.evil.example", 403),
      ])
    func `a page of the public URL is the gateway's own, whatever a proxy makes of the host`(
      publicURL: String, origin: String, status: Int
    ) async throws {
      try await withGateway {
        $0.publicURL = publicURL
      } _: { gateway in
        let answer = try await gateway.call("GET", "/v1/negotiate", headers: [("Origin", origin)])
        #expect(answer.status == status)
      }
    }

    @Test(
      .timeLimit(.minutes(10)),
      arguments: [
        ("https://evil.example", false), ("null", false), ("https://app.example.com", true),
        ("https://app.example.com.evil.example", false), ("http://app.example.com", false),
        ("https://APP.example.com:443", false),
      ])
    func `a websocket is opened for allowed pages alone`(origin: String, isAllowed: Bool) async throws {
      try await withGateway {
        $0.cors.origins = [Self.page]
      } _: { gateway in
        let http = try await HTTPWire.connect(to: gateway.url)
        http.send("GET", "/v1/stream?topic=t", headers: Socket.upgrade + [("Origin", origin)])
        let answer = try await http.head()
        #expect(answer.status == (isAllowed ? 101 : 403), "\(answer)")
        let own = try await HTTPWire.connect(to: gateway.url)
        own.send("GET", "/v1/stream?topic=t", headers: Socket.upgrade + [("Origin", gateway.url)])
        #expect(try await own.head().status == 101)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `no page is an operator`() async throws {
      try await withGateway {
        $0.cors.origins = ["*"]
      } _: { gateway in
        let http = try await HTTPWire.connect(to: gateway.adminURL)
        let answer = try await http.call(
          "POST", "/v1/admin/drain", headers: [("Origin", "https://evil.example")])
        #expect(answer.status == 403)
      }
    }
  }
}
