import Configuration
import Gateway
import GatewayClient
import Testing
import WireFormat

extension OverSockets {
  @Suite(.serialized) struct PublishTests {
    private func post(
      _ gateway: TestGateway, _ body: String, type: String? = "application/json", _ more: [(String, String)] = [],
      topic: String = "t"
    ) async throws -> Answer {
      try await gateway.call(
        "POST", "/v1/topics/\(topic)/messages", headers: (type.map { [("Content-Type", $0)] } ?? []) + more, body: body)
    }

    private func last(_ gateway: TestGateway, _ topic: String = "t") async throws -> Item {
      let answer = try await gateway.call("GET", "/v1/topics/\(topic)/messages")
      return try Item(Array((answer.elements("items").last ?? "").utf8))
    }

    @Test(.timeLimit(.minutes(10)))
    func `a publish is answered with its id, topic and seq`() async throws {
      try await withGateway { gateway in
        for seq in 1...3 {
          let answer = try await post(gateway, "{}", topic: "a%2Fb.c")
          #expect(answer.status == 201)
          #expect(answer.text == #"{"id":"\#(gateway.id(UInt64(seq)))","topic":"a/b.c","seq":\#(seq)}"#)
          #expect(answer["ETag"] == "\"\(gateway.id(UInt64(seq)))\"" && answer["Content-Type"] == "application/json")
        }
      }
    }

    @Test(
      .timeLimit(.minutes(10)),
      arguments: [
        (
          "application/json", "{ \"b\" : 1.50e0,\r\n \"a\" : [ true , null ] }", #""data":{"b":1.50e0,"a":[true,null]}"#
        ),
        ("application/json; charset=utf-8", " 18446744073709551616 ", #""data":18446744073709551616"#),
        ("application/vnd.x+json", #"" two  spaces ""#, #""data":" two  spaces ""#),
        ("text/plain", "line\n\"quoted\" \\ tab\t", #""data":"line\n\"quoted\" \\ tab\t""#),
        ("text/html; charset=\"UTF-8\"", "<ü>", #""data":"<ü>""#),
        ("image/png", "\u{1}\u{2}\u{3}", #""encoding":"base64","content_type":"image/png","data":"AQID""#),
      ])
    func `the content type says how a body is embedded`(type: String, body: String, member: String) async throws {
      try await withGateway { gateway in
        #expect(try await post(gateway, body, type: type).status == 201)
        let item = try await last(gateway)
        let rest = member.hasPrefix("\"encoding\"") ? ["\"encoding\":\"base64\"", "\"data\":\"AQID\""] : [member]
        for part in rest { #expect(item.text.contains(part), "\(item)") }
        #expect((item.object.string("encoding") == "base64") == (type == "image/png"))
        #expect((item.object.string("content_type") == type) == (type == "image/png"))
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a body without a content type is bytes`() async throws {
      try await withGateway { gateway in
        #expect(try await post(gateway, "{}", type: nil).status == 201)
        let item = try await last(gateway)
        #expect(item.object.string("encoding") == "base64" && item.data == "\"e30=\"")
        #expect(item.object.string("content_type") == "application/octet-stream")
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a key publishes once and is answered with the first success`() async throws {
      try await withGateway { gateway in
        let key = [("Idempotency-Key", "k-1")]
        let first = try await post(gateway, "1", key)
        #expect(first.status == 201)
        let again = try await post(gateway, "1", key)
        #expect(again.status == 200 && again.text == first.text && again["ETag"] == first["ETag"])
        // A key is one topic's, and is judged before the condition.
        #expect(try await post(gateway, "1", key, topic: "u").status == 201)
        #expect(try await post(gateway, "1", key + [("If-None-Match", "*")]).status == 200)
        #expect(try await post(gateway, "1", [("Idempotency-Key", "k-2"), ("If-None-Match", "*")]).status == 412)
        // Only successes are remembered.
        #expect(try await post(gateway, "2", [("Idempotency-Key", "k-2")]).integer("seq") == 2)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `equal keys at once publish once`() async throws {
      try await withGateway { gateway in
        let answers = try await withThrowingTaskGroup(of: (Int, String).self) { group in
          for _ in 0..<16 {
            group.addTask {
              let answer = try await gateway.call(
                "POST", "/v1/topics/t/messages", headers: [("Content-Type", "text/plain"), ("Idempotency-Key", "one")],
                body: "x")
              return (answer.status, answer.text)
            }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.filter { $0.0 == 201 }.count == 1 && answers.filter { $0.0 == 200 }.count == 15)
        #expect(Set(answers.map(\.1)).count == 1)
        #expect(gateway.head == gateway.id(1))
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a full table refuses keyed publishes and no others`() async throws {
      try await withGateway {
        $0.limits.idempotencyKeys = 2
      } _: { gateway in
        for key in ["a", "b"] { #expect(try await post(gateway, "1", [("Idempotency-Key", key)]).status == 201) }
        let refused = try await post(gateway, "1", [("Idempotency-Key", "c")])
        #expect(refused.status == 503 && refused.code == "key-table-full" && refused["Retry-After"] != nil)
        #expect(try await post(gateway, "1", [("Idempotency-Key", "a")]).status == 200)
        #expect(try await post(gateway, "1").status == 201)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a condition holds or names the last id`() async throws {
      try await withGateway {
        $0.history.messages = 0
      } _: { gateway in
        let first = try await post(gateway, "1", [("If-None-Match", "*")])
        #expect(first.status == 201)
        let id = first.string("id") ?? ""
        let exists = try await post(gateway, "2", [("If-None-Match", "*")])
        #expect(exists.status == 412 && exists.code == "precondition-failed" && exists.string("current") == id)
        #expect(exists["ETag"] == "\"\(id)\"" && exists.string("topic") == "t")
        // Held or not: nothing is held here.
        let second = try await post(gateway, "2", [("If-Match", "\"\(id)\"")])
        #expect(second.status == 201)
        let stale = try await post(gateway, "3", [("If-Match", "\"\(id)\"")])
        #expect(stale.status == 412 && stale.string("current") == second.string("id"))
        let never = try await post(gateway, "3", [("If-Match", "\"\(id)\"")], topic: "never")
        #expect(never.status == 412 && never.string("current") == nil && never["ETag"] == nil)
        #expect(gateway.head == gateway.id(2))
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a batch answers each message in order`() async throws {
      try await withGateway {
        $0.limits.messageBytes = 100
        $0.limits.topicsPerSubscriber = 2
      } _: { gateway in
        let body = #"""
          {"messages":[
            {"topic":"a","data":{"n" : 1},"event":"made"},
            {"topic":"a..b","data":1},
            {"topics":["a","b"],"data":2},
            {"topic":"$sys","data":1},
            {"topic":"a"},
            {"topic":"a","data":3,"if_last":"nothing-1"},
            {"topic":"c","data":4,"if_last":null},
            {"topic":"c","data":5,"if_last":null},
            {"topics":["a","b"],"data":1,"if_last":null},
            {"topic":"a","topics":["b"],"data":1},
            {"topics":["a","a"],"data":1},
            {"topics":[],"data":1},
            {"topic":"a","data":1,"event":"hello"},
            {"topic":"a","data":1,"tpic":1},
            7,
            {"topic":"a","data":"\#(String(repeating: "x", count: 100))"},
            {"topic":"k","data":6,"key":"same"},
            {"topic":"k","data":6,"key":"same"},
            {"topic":"d","data":null}
          ]}
          """#
        let answer = try await gateway.call(
          "POST", "/v1/publish", headers: [("Content-Type", "application/json")], body: body)
        #expect(answer.status == 200)
        func id(_ offset: UInt64) -> String { gateway.id(offset) }
        func ok(_ offset: UInt64, _ seq: Int) -> String { #"{"id":"\#(id(offset))","seq":\#(seq)}"# }
        let expected: [(ok: String?, code: String?)] = [
          (ok(1, 1), nil), (nil, "invalid-topic"),
          (#"{"messages":[{"id":"\#(id(2))","topic":"a","seq":2},{"id":"\#(id(3))","topic":"b","seq":1}]}"#, nil),
          (nil, "reserved-topic"), (nil, "missing-parameter"), (nil, "precondition-failed"), (ok(4, 1), nil),
          (nil, "precondition-failed"), (nil, "invalid-parameter"), (nil, "invalid-parameter"),
          (nil, "invalid-parameter"), (nil, "invalid-parameter"), (nil, "invalid-event"),
          (nil, "unknown-parameter"), (nil, "bad-request"), (nil, "message-too-large"), (ok(5, 1), nil),
          (ok(5, 1), nil), (ok(6, 1), nil),
        ]
        let results = answer.elements("results")
        #expect(results.count == expected.count)
        for (index, (result, wanted)) in zip(results, expected).enumerated() {
          if let ok = wanted.ok {
            #expect(result == ok, "message \(index)")
          } else {
            #expect(
              result.hasPrefix(#"{"error":{"type":"urn:sluice:error:\#(wanted.code ?? "")","#),
              "message \(index): \(result)")
          }
        }
        #expect(gateway.head == id(6))
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `history is paged to its end`() async throws {
      try await withGateway {
        $0.history.messages = 55
      } _: { gateway in
        try await gateway.publish("t", 1...70)
        try await gateway.publish("other", 1...3)
        let http = try await HTTPWire.connect(to: gateway.url)
        var target = "/v1/topics/t/messages?limit=10"
        var seqs: [Int] = []
        var pages = 0
        while true {
          let answer = try await http.call("GET", target)
          #expect(answer.status == 200)
          let items = try answer.elements("items").map { try Item(Array($0.utf8)) }
          #expect(items.allSatisfy(\.isMessage) && items.count <= 10)
          if items.isEmpty {
            #expect(answer.string("next") == gateway.head)
            break
          }
          seqs += items.map(\.seq)
          pages += 1
          #expect(
            answer["Link"] == "</v1/topics/t/messages?limit=10&since=\(answer.string("next") ?? "")>; rel=\"next\"")
          target = "/v1/topics/t/messages?limit=10&since=\(answer.string("next") ?? "")"
        }
        #expect(seqs == Array(16...70) && pages == 6)
        // With an older position what is missing is said.
        try await gateway.passTheTape()
        let answer = try await http.call("GET", "/v1/topics/t/messages?since=\(gateway.id(3))")
        let first = try Item(Array(answer.elements("items")[0].utf8))
        #expect(
          first.isGap && first.after == gateway.id(3) && first.id == gateway.id(15) && first.seq == 15, "\(first)")
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a topic says what it holds`() async throws {
      try await withGateway {
        $0.history.messages = 4
        $0.history.age = .seconds(90)
      } _: { gateway in
        let unknown = try await gateway.call("GET", "/v1/topics/t")
        #expect(unknown.status == 404 && unknown.code == "not-found" && unknown.string("topic") == "t")
        let last = try await gateway.publish("t", 1...10)
        let answer = try await gateway.call("GET", "/v1/topics/t")
        #expect(answer.status == 200)
        let bytes = answer.integer("bytes") ?? 0
        #expect(bytes > 0)
        #expect(
          answer.text
            == #"{"topic":"t","last_id":"\#(last)","last_seq":10,"oldest_id":"\#(gateway.id(7))","oldest_seq":7,"#
            + #""messages":4,"bytes":\#(bytes),"retention":{"messages":4,"age_ms":90000,"bytes":67108864}}"#)
        let erased = try await gateway.call("DELETE", "/v1/topics/t")
        #expect(erased.status == 200 && erased.integer("last_seq") == 10 && erased.string("oldest_id") == nil)
        #expect(try await gateway.call("DELETE", "/v1/topics/never").status == 404)
        #expect(try await post(gateway, "11").integer("seq") == 11)
      }
    }
  }
}
