import Configuration
import Gateway
import GatewayClient
import StreamLog
import Testing

extension OverSockets {
  @Suite(.serialized) struct GapTests {
    @Test(.timeLimit(.minutes(10)), arguments: StreamTransport.allCases)
    func `what retention passed is a gap with its bounds and then the oldest held`(kind: StreamTransport) async throws {
      try await withGateway {
        $0.history.messages = 10
      } _: { gateway in
        let first = try await gateway.publish("t", 1...5)
        let last = try await gateway.publish("t", 6...40)
        try await gateway.passTheTape()
        let reader = try await Reader.open(kind, gateway.url, Reading("t", since: first))
        let gap = try await reader.next()
        let id = gateway.id(offset(first)! + 25)
        #expect(
          gap.text == #"{"type":"gap","topic":"t","after":"\#(first)","id":"\#(id)","seq":30,"reason":"expired"}"#)
        let items = try await reader.upTo(last)
        #expect(items.map(\.seq) == Array(31...40) && !items.contains { $0.isGap })
        try await reader.kill()

        // The gap's id is a position: nothing is told twice.
        let again = try await Reader.open(kind, gateway.url, Reading("t", since: gap.id))
        #expect(try await again.upTo(last).map(\.seq) == Array(31...40))
      }
    }

    @Test(.timeLimit(.minutes(10)), arguments: StreamTransport.allCases)
    func `a gap stands at its id among the messages of other topics`(kind: StreamTransport) async throws {
      try await withGateway {
        $0.topics = [TopicRule(match: try! TopicPattern("short"), history: .init(messages: 1))]
        $0.history.messages = 10_000
      } _: { gateway in
        let start = gateway.head
        try await gateway.publish("long", "1")
        try await gateway.publish("short", "1")
        try await gateway.publish("long", "2")
        let missing = try await gateway.publish("short", "2")
        try await gateway.publish("long", "3")
        let last = try await gateway.publish("short", "3")
        try await gateway.passTheTape()
        let reader = try await Reader.open(kind, gateway.url, Reading("long", "short", since: start))
        let items = try await reader.upTo(last)
        #expect(
          items.map { "\($0.kind) \($0.topic ?? "") \($0.seq)" } == [
            "message long 1", "message long 2", "gap short 2", "message long 3", "message short 3",
          ])
        #expect(items[2].id == missing && items[2].after == start && items[2].reason == "expired")
      }
    }

    @Test(
      .timeLimit(.minutes(10)),
      arguments: StreamTransport.allCases,
      ["zzzzzz-17", "zzzzzz-18446744073709551615", "what is this", "-", "a-b-c", "%00%ff", "0"])
    func `a position that nobody knows is one epoch gap and then the oldest held`(
      kind: StreamTransport, since: String
    ) async throws {
      try await withGateway {
        $0.history.messages = 3
      } _: { gateway in
        let last = try await gateway.publish("t", 1...10)
        try await gateway.publish("u", "1")
        let reader = try await Reader.open(kind, gateway.url, Reading("t", "u.>", since: since))
        let gap = try await reader.next()
        #expect(gap.isGap && gap.reason == "epoch" && gap.after == nil && gap.topic == nil, "\(gap)")
        let items = try await reader.upTo(last)
        #expect(items.map(\.seq) == [8, 9, 10] && items.allSatisfy(\.isMessage), "\(items)")
        try await reader.kill()

        let again = try await Reader.open(kind, gateway.url, Reading("t", "u.>", since: gap.id))
        #expect(try await again.upTo(last).map(\.seq) == [8, 9, 10])
        try await again.kill()
        let id = try await gateway.publish("t", "11")
        let third = try await Reader.open(kind, gateway.url, Reading("t", since: last))
        let item = try await third.next()
        #expect(item.id == id && item.isMessage)
      }
    }

    @Test(.timeLimit(.minutes(10)), arguments: StreamTransport.allCases)
    func `a position beyond the log of this epoch is an epoch gap that says what is known`(
      kind: StreamTransport
    ) async throws {
      try await withGateway { gateway in
        try await gateway.publish("t", 1...3)
        let reader = try await Reader.open(kind, gateway.url, Reading("t", since: gateway.id(1000)))
        let id = try await { () async throws -> String in
          let gap = try await reader.next()
          #expect(gap.isGap && gap.reason == "epoch" && gap.topic == nil, "\(gap)")
          #expect(gap.id == gateway.id(3), "\(gap)")
          return try await gateway.publish("t", "4")
        }()
        let item = try await reader.next()
        #expect(item.isMessage && item.id == id && item.seq == 4, "\(item)")
      }
    }

    @Test(.timeLimit(.minutes(10)), arguments: StreamTransport.allCases)
    func `an erased topic is a deleted gap and nothing of it is served again`(kind: StreamTransport) async throws {
      try await withGateway { gateway in
        let first = try await gateway.publish("t", 1...5)
        let erased = try await gateway.publish("t", 6...40)
        try await gateway.publish("u", "1")
        let answer = try await gateway.call("DELETE", "/v1/topics/t")
        #expect(
          answer.status == 200 && answer.integer("messages") == 0 && answer.integer("last_seq") == 40, "\(answer)")
        let next = try await gateway.publish("t", "41")

        let reader = try await Reader.open(kind, gateway.url, Reading("t", since: first))
        let gap = try await reader.next()
        #expect(
          gap.isGap && gap.reason == "deleted" && gap.after == first && gap.id == erased && gap.seq == 40, "\(gap)")
        let item = try await reader.next()
        #expect(item.id == next && item.seq == 41)
        for start in ["earliest", first, gateway.id(0)] {
          let again = try await Reader.open(kind, gateway.url, Reading("t", since: start))
          let items = try await again.upTo(next)
          #expect(items.filter(\.isMessage).map(\.seq) == [41], "\(start): \(items)")
        }
      }
    }

    @Test(.timeLimit(.minutes(10)), arguments: StreamTransport.allCases)
    func `a reader in the middle of what is erased gets the gap and goes on`(kind: StreamTransport) async throws {
      try await withGateway {
        $0.history.messages = 20_000
      } _: { gateway in
        let start = gateway.head
        // More than the kernel's buffers take, so that the reader is really in the middle.
        let value = "\"\(String(repeating: "x", count: 4000))\""
        for _ in 0..<30 { try await gateway.publish("t", [String](repeating: value, count: 100)) }
        let last = gateway.head
        var reading = Reading("t", since: start, more: kind == .poll ? [("limit", "50")] : [])
        reading.receiveBuffer = 64 << 10
        // More than 60 messages, and in polls of 50 more than two answers.
        reading.pauseAfter = 512 << 10
        let reader = try await Reader.open(kind, gateway.url, reading)
        #expect(try await reader.next(60).map(\.seq) == Array(1...60))
        #expect(try await gateway.call("DELETE", "/v1/topics/t").status == 200)
        let next = try await gateway.publish("t", "3001")
        try await reader.setReading(true)
        let items = try await reader.upTo(next)
        let messages = items.filter(\.isMessage).map(\.seq)
        let gaps = items.filter(\.isGap)
        // What the histories and the tape no longer have may be told apart, but it is one stretch without a hole.
        #expect(messages == Array(61..<61 + messages.count - 1) + [3001])
        let told = items[max(messages.count - 2, 0)].id
        #expect(
          gaps.map(\.after) == [messages.count > 1 ? told : gateway.id(60)] + gaps.dropLast().map(\.id), "\(gaps)")
        #expect(
          gaps.allSatisfy { $0.reason == "deleted" } && gaps.last?.id == last && gaps.last?.seq == 3000, "\(gaps)")
        #expect(messages.count < 2900)
      }
    }
  }
}
