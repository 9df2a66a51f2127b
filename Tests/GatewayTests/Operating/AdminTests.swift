import Gateway
import GatewayClient
import Testing
import WireFormat

extension OverSockets {
  @Suite(.serialized) struct AdminTests {
    @Test(.timeLimit(.minutes(10)))
    func `topics are listed by name, page by page`() async throws {
      try await withGateway { gateway in
        for name in ["c", "a.x", "b", "a.y"] { try await gateway.publish(name, 1...3) }
        let reader = try await Reader.open(.ndjson, gateway.url, Reading("b", "a.*"))
        let all = try await gateway.admin("GET", "/v1/admin/topics").elements("topics").map { try Item(Array($0.utf8)) }
        #expect(all.map(\.topic) == ["a.x", "a.y", "b", "c"])
        #expect(all.allSatisfy { $0.object.integer("last_seq") == 3 && $0.object.integer("messages") == 3 })
        #expect(all.map { $0.object.integer("subscribers") } == [1, 1, 1, 0])
        let some = try await gateway.admin("GET", "/v1/admin/topics?match=a.*")
        #expect(some.elements("topics").count == 2 && some.string("next") == nil)
        let page = try await gateway.admin("GET", "/v1/admin/topics?limit=3")
        #expect(page.elements("topics").count == 3 && page.string("next") == "b")
        let rest = try await gateway.admin("GET", "/v1/admin/topics?limit=3&after=b")
        #expect(rest.elements("topics").count == 1 && rest.string("next") == nil)
        #expect(try await gateway.admin("GET", "/v1/admin/topics?match=a..b").code == "invalid-pattern")
        withExtendedLifetime(reader) {}
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `connections are listed with what they read and where they are`() async throws {
      try await withGateway { gateway in
        var readers: [Reader] = []
        for kind in [StreamTransport.websocket, .sse, .ndjson] {
          readers.append(try await Reader.open(kind, gateway.url, Reading("t", "p.>")))
        }
        let id = try await gateway.publish("t", "1")
        for reader in readers { _ = try await reader.next() }
        let answer = try await gateway.admin("GET", "/v1/admin/connections")
        let all = try answer.elements("connections").map { try Item(Array($0.utf8)).object }
        #expect(answer.integer("total") == 3 && all.count == 3)
        #expect(Set(all.compactMap { $0.string("transport") }) == ["websocket", "sse", "ndjson"])
        #expect(Set(all.compactMap { $0.string("session") }).count == 3)
        for object in all {
          #expect(object.string("position") == id && object.integer("lag") == 0 && object.string("state") == "live")
          #expect(object.integer("subscription_count") == 2 && object.integer("sent_messages") == 1)
          let patterns = object.elements("subscriptions")?.map { String(decoding: $0, as: UTF8.self) } ?? []
          #expect(patterns.sorted() == ["\"p.>\"", "\"t\""])
          #expect(object.string("address")?.hasPrefix("127.0.0.1") == true)
        }
        #expect(try await gateway.admin("GET", "/v1/admin/connections?limit=1").elements("connections").count == 1)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `an operator disconnects by session, by topic or all`() async throws {
      try await withGateway { gateway in
        func sessions() async throws -> Int {
          Int(try await gateway.admin("GET", "/v1/admin/connections").integer("total") ?? -1)
        }
        func disconnect(_ body: String) async throws -> Int64? {
          try await gateway.admin("POST", "/v1/admin/disconnect", body: body).integer("disconnected")
        }
        let socket = try await Socket.open(gateway.url, "/v1/stream?topic=a")
        let session = try await socket.item()?.object.string("session") ?? ""
        let sse = try await Reader.open(.sse, gateway.url, Reading("a.*"))
        let lines = try await Reader.open(.ndjson, gateway.url, Reading("b.x"))
        let poll = try await HTTPWire.connect(to: gateway.url)
        poll.send("GET", "/v1/stream?topic=c&wait=60&since=\(gateway.head)")
        try await eventually("four subscribers") { try await sessions() == 4 }

        #expect(try await disconnect(#"{"sessions":["nobody"]}"#) == 0)
        #expect(try await disconnect(#"{"sessions":["\#(session)"]}"#) == 1)
        let closing = try await socket.closing()
        #expect(closing?.code == 4000)
        #expect(try await disconnect(#"{"topic":"b.*"}"#) == 1)
        #expect(try await lines.rest().isEmpty)
        #expect(try await disconnect(#"{"topic":"a.*"}"#) == 1)
        #expect(try await sse.rest().isEmpty)
        #expect(try await disconnect(#"{"all":true}"#) == 1)
        let answer = try await poll.answer()
        #expect(answer.status == 200 && answer.elements("items").isEmpty && answer.string("next") != nil, "\(answer)")
        #expect(try await sessions() == 0)
        #expect(try await gateway.metric("sluice_connections_dismissed_total{reason=\"disconnected\"}") == 4)
        #expect(try await gateway.admin("POST", "/v1/admin/disconnect", body: "{}").code == "missing-parameter")
        #expect(
          try await gateway.admin("POST", "/v1/admin/disconnect", body: #"{"al":true}"#).code == "unknown-parameter")
        #expect(try await gateway.admin("POST", "/v1/admin/disconnect", body: "x").code == "invalid-json")
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `stats say what metrics say`() async throws {
      try await withGateway { gateway in
        let reader = try await Reader.open(.sse, gateway.url, Reading("t"))
        for number in 1...3 {
          let published = try await gateway.call("POST", "/v1/topics/t/messages", body: "\(number)")
          #expect(published.status == 201)
          _ = try await reader.next()
        }
        let stats = try await gateway.admin("GET", "/v1/admin/stats")
        #expect(stats.integer("messages_published") == 3 && stats.integer("deliveries") == 3)
        #expect(stats.text.contains(#""connections":{"websocket":0,"sse":1,"ndjson":0,"poll":0}"#))
        #expect(stats.text.contains(#""store":{"state":"ok"}"#) && stats.text.contains(#""draining":false"#))
        #expect(stats.text.contains(#"[null,3]],"count":3"#))
      }
    }
  }
}
