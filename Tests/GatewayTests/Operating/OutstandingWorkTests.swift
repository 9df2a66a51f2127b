import Configuration
import Gateway
import GatewayClient
import Testing
import WebSocket

/// What one request or one connection may set going, and what becomes of it when the gateway ends it.
extension OverSockets {
  @Suite(.serialized) struct OutstandingWorkTests {
    private static let json = [("Content-Type", "application/json")]

    @Test(.timeLimit(.minutes(10)))
    func `a batch counts each message once for every topic`() async throws {
      try await withGateway {
        $0.limits.batchMessages = 4
        $0.limits.batchBytes = 200
      } _: { gateway in
        func publish(_ body: String) async throws -> Answer {
          try await gateway.call("POST", "/v1/publish", headers: Self.json, body: body)
        }
        let many = try await publish(#"{"messages":[{"topics":["a","b","c"],"data":1},{"topics":["d","e"],"data":2}]}"#)
        #expect(many.status == 413 && many.code == "too-many-items", "\(many)")
        let text = String(repeating: "x", count: 60)
        let long = try await publish(#"{"messages":[{"topics":["a","b","c","d"],"data":"\#(text)"}]}"#)
        #expect(long.status == 413 && long.code == "body-too-large", "\(long)")
        #expect(gateway.head == gateway.id(0))
        let good = try await publish(
          #"{"messages":[{"topics":["a","b","c"],"data":"\#(text)"},{"topic":"d","data":2}]}"#)
        #expect(good.status == 200 && good.elements("results").count == 2, "\(good)")
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a body that is too long is told so, and not as a message`() async throws {
      try await withGateway {
        $0.limits.batchBytes = 1000
      } _: { gateway in
        let body = #"{"topics":["\#(String(repeating: "x", count: 2000))"]}"#
        for target in ["/v1/stream", "/v1/publish"] {
          let answer = try await gateway.call("POST", target, headers: Self.json, body: body)
          #expect(answer.status == 413 && answer.code == "body-too-large", "\(answer)")
        }
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `patterns have a limit of their own`() async throws {
      try await withGateway {
        $0.limits.patternsPerSubscriber = 2
      } _: { gateway in
        let three = "/v1/stream?topic=a.*&topic=b.*&topic=%3E&since=earliest&wait=0"
        let refused = try await gateway.call("GET", three)
        #expect(refused.status == 400 && refused.code == "too-many-patterns", "\(refused)")
        let same = "/v1/stream?topic=a.*&topic=b.*&topic=a.*&topic=a&topic=b&since=earliest&wait=0"
        #expect(try await gateway.call("GET", same).status == 200)

        let reader = try await Reader.open(.websocket, gateway.url, Reading("a.*", "t"))
        reader.socket.send(#"{"type":"subscribe","topics":["b.*","b.*","u"],"ref":1}"#)
        let subscribed = try await reader.any()
        #expect(subscribed.kind == "subscribed" && subscribed.text.contains(#""topics":["b.*","u"]"#), "\(subscribed)")
        reader.socket.send(#"{"type":"subscribe","topics":["c.*"],"ref":2}"#)
        let error = try await reader.any()
        #expect(error.code == "too-many-patterns" && error.ref == 2, "\(error)")
      }
    }

    /// Many commands in one segment: their answers gather, and none overtakes another or a message between them.
    @Test(.timeLimit(.minutes(10)))
    func `a burst of commands is answered in order`() async throws {
      try await withGateway { gateway in
        let reader = try await Reader.open(.websocket, gateway.url, Reading("t"))
        var frames: [UInt8] = []
        for ref in 1...500 {
          let command =
            ref.isMultiple(of: 3)
            ? #"{"type":"subscribe","topics":["u.\#(ref)"],"since":"earliest","ref":\#(ref)}"#
            : #"{"type":"publish","topic":"t","data":\#(ref),"ref":\#(ref)}"#
          WebSocketFrame.text(command, mask: MaskingKey(wire: 7), to: &frames)
        }
        reader.socket.http.wire.send(frames)
        var answers: [Int] = []
        var messages: [Int] = []
        while answers.count < 500 || messages.count < 334 {
          let item = try await reader.any()
          switch item.kind {
          case "published", "subscribed", "error": answers.append(item.ref ?? -1)
          case "message": messages.append(item.seq)
          case "caught_up", "heartbeat": break
          default: Issue.record("\(item)")
          }
        }
        #expect(answers.sorted() == Array(1...500))
        #expect(messages == Array(1...334))
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a poll that an operator ends says where to go on`() async throws {
      try await withGateway { gateway in
        let since = try await gateway.publish("t", "1")
        let poll = try await HTTPWire.connect(to: gateway.url)
        poll.send("GET", "/v1/stream?topic=t&wait=60&since=\(since)")
        try await eventually("the poll") {
          try await gateway.admin("POST", "/v1/admin/disconnect", body: #"{"all":true}"#).integer("disconnected") == 1
        }
        let answer = try await poll.answer()
        #expect(answer.status == 200 && answer.elements("items").isEmpty, "\(answer)")
        let next = answer.string("next") ?? ""
        let id = try await gateway.publish("t", "2")
        let rest = try await gateway.call("GET", "/v1/stream?topic=t&since=\(next)&wait=0")
        #expect(rest.elements("items").count == 1 && rest.string("next") == id, "\(rest)")
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `draining ends the echoes too`() async throws {
      try await withGateway {
        $0.diagnostics.echo = true
        $0.drain.timeout = .seconds(60)
      } _: { gateway in
        let socket = try await Socket.open(gateway.url, "/v1/diagnostics/echo")
        socket.send("here")
        guard case .text? = try await socket.next() else { throw Silence(description: "no echo") }
        let drained = Task { await gateway.gateway.drain() }
        #expect(try await socket.closing()?.code == 1012)
        socket.close(1012)
        await drained.value
      }
    }

    @Test(
      .timeLimit(.minutes(10)),
      arguments: [
        ("/v1/negotiate", false), ("/v1/topics/t", false), ("/v1/topics/t/messages", false), ("/health/live", true),
        ("/v1/admin/topics", true), ("/v1/admin/connections", true),
      ])
    func `HEAD has the head of GET`(target: String, isAdmin: Bool) async throws {
      try await withGateway { gateway in
        try await gateway.publish("t", "1")
        let http = try await HTTPWire.connect(to: isAdmin ? gateway.adminURL : gateway.url)
        http.send("HEAD", target)
        let head = try await http.head()
        // The next answer follows at once: there was no body.
        let answer = try await http.call("GET", target)
        #expect(head.status == 200 && answer.status == 200)
        #expect(head["Content-Length"] == answer["Content-Length"] && head["Content-Type"] == answer["Content-Type"])
        #expect(head["Link"] == answer["Link"])
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a stream has no HEAD`() async throws {
      try await withGateway { gateway in
        let http = try await HTTPWire.connect(to: gateway.url)
        http.send("HEAD", "/v1/stream?topic=t")
        let head = try await http.head()
        #expect(head.status == 405 && head["Allow"] == "GET, POST")
      }
    }
  }
}
