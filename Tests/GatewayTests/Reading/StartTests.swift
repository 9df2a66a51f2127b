import Configuration
import Gateway
import GatewayClient
import StreamLog
import Testing

extension OverSockets {
  @Suite(.serialized) struct StartTests {
    @Test(.timeLimit(.minutes(10)), arguments: StreamTransport.allCases)
    func `a reader without a start hears what comes from now on`(kind: StreamTransport) async throws {
      try await withGateway { gateway in
        try await gateway.publish("t", 1...5)
        let reader = try await Reader.open(kind, gateway.url, Reading("t"))
        let id = try await gateway.publish("t", "6")
        #expect(try await reader.next().id == id)
      }
    }

    @Test(.timeLimit(.minutes(10)), arguments: StreamTransport.allCases)
    func `earliest is everything held, without a gap`(kind: StreamTransport) async throws {
      try await withGateway {
        $0.history.messages = 7
      } _: { gateway in
        try await gateway.publish("a", 1...20)
        let last = try await gateway.publish("b", 1...3)
        try await gateway.passTheTape()
        let reader = try await Reader.open(kind, gateway.url, Reading("a", "b", since: "earliest"))
        let items = try await reader.upTo(last)
        #expect(
          items.map { "\($0.kind) \($0.topic ?? "") \($0.seq)" } == (14...20).map { "message a \($0)" }
            + (1...3).map { "message b \($0)" })
      }
    }

    @Test(.timeLimit(.minutes(10)), arguments: StreamTransport.allCases)
    func `a rewind is the last of each topic in one order, then what comes`(kind: StreamTransport) async throws {
      try await withGateway { gateway in
        try await gateway.publish("r.a", 1...20)
        try await gateway.publish("r.b", 1...2)
        try await gateway.publish("other", 1...5)
        try await gateway.publish("r.c", 1...20)
        let reader = try await Reader.open(kind, gateway.url, Reading("r.*", rewind: 3))
        let items = try await reader.next(8)
        #expect(
          items.map { "\($0.topic ?? "") \($0.seq)" } == [
            "r.a 18", "r.a 19", "r.a 20", "r.b 1", "r.b 2", "r.c 18", "r.c 19", "r.c 20",
          ])
        let id = try await gateway.publish("r.b", "3")
        #expect(try await reader.next().id == id)
      }
    }

    @Test(.timeLimit(.minutes(10)), arguments: StreamTransport.allCases)
    func `since wins over a rewind`(kind: StreamTransport) async throws {
      try await withGateway { gateway in
        try await gateway.publish("t", 1...20)
        let reader = try await Reader.open(kind, gateway.url, Reading("t", since: gateway.id(10), rewind: 2))
        #expect(try await reader.next().seq == 11)
      }
    }

    @Test(.timeLimit(.minutes(10)), arguments: StreamTransport.allCases)
    func `a pattern reads topics that did not exist when it was subscribed`(kind: StreamTransport) async throws {
      try await withGateway { gateway in
        let reader = try await Reader.open(kind, gateway.url, Reading("made.*.now", "deep.>"))
        for number in 1...20 { try await gateway.publish("made.\(number).now", "1") }
        try await gateway.publish("made.now", "0")
        try await gateway.publish("made.1.2.now", "0")
        try await gateway.publish("deep", "0")
        let last = try await gateway.publish("deep.a.b.c", "1")
        let items = try await reader.upTo(last)
        #expect(items.map(\.topic) == (1...20).map { "made.\($0).now" } + ["deep.a.b.c"])
      }
    }

    @Test(.timeLimit(.minutes(10)), arguments: StreamTransport.allCases)
    func `a message that matches several subscriptions is sent once`(kind: StreamTransport) async throws {
      try await withGateway { gateway in
        let start = gateway.head
        try await gateway.publish("a.b", 1...5)
        let reader = try await Reader.open(kind, gateway.url, Reading("a.b", "a.*", ">", "a.>", "a.b", since: start))
        #expect(try await reader.next(5).map(\.seq) == Array(1...5))
        let last = try await gateway.publish("a.b", 6...10)
        #expect(try await reader.upTo(last).map(\.seq) == Array(6...10))
      }
    }

    @Test(.timeLimit(.minutes(10)), arguments: StreamTransport.allCases, [false, true])
    func `one subscriber reads 200 topics in one order`(kind: StreamTransport, posts: Bool) async throws {
      try await withGateway { gateway in
        let start = gateway.head
        let topics = (0..<200).map { "topic.\($0)" }
        for round in 1...2 { for topic in topics { try await gateway.publish(topic, "\(round)") } }
        var reading = Reading(since: start)
        reading.topics = topics
        reading.posts = posts
        let reader = try await Reader.open(kind, gateway.url, reading)
        if kind == .websocket, posts {
          let list = topics.map { "\"\($0)\"" }.joined(separator: ",")
          reader.socket.send(#"{"type":"subscribe","topics":[\#(list)],"since":"\#(start)","ref":"all"}"#)
        }
        let items = try await reader.next(400)
        #expect(items.map(\.topic) == topics + topics)
        #expect(items.map(\.offset) == items.map(\.offset).sorted())
        let last = try await gateway.publish("topic.199", "3")
        #expect(try await reader.next().id == last)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `on sse a rewind gives no id before it is over, so that a break repeats it`() async throws {
      try await withGateway { gateway in
        try await gateway.publish("t", 1...5)
        let http = try await HTTPWire.connect(to: gateway.url)
        http.send("GET", "/v1/stream?topic=t&rewind=2", headers: [("Accept", "text/event-stream")])
        _ = try await http.head()
        var text = ""
        while !text.contains("caught_up") || !text.hasSuffix("\n\n") {
          text += String(decoding: try await http.chunk() ?? [], as: UTF8.self)
        }
        let blocks = text.split(separator: "\n\n").map { $0.split(separator: "\n").map { String($0) } }
        #expect(blocks.count == 4, "\(text)")
        #expect(blocks[0].contains("event: hello") && !blocks[0].contains { $0.hasPrefix("id:") }, "\(text)")
        for block in blocks[1...2] { #expect(block.count == 1 && block[0].hasPrefix("data: {"), "\(text)") }
        #expect(blocks[3].contains("id: \(gateway.head)") && blocks[3].contains("event: caught_up"), "\(text)")
        let id = try await gateway.publish("t", "6")
        let live = String(decoding: try await http.chunk() ?? [], as: UTF8.self)
        #expect(live.hasPrefix("id: \(id)\ndata: {"))
      }
    }
  }
}
