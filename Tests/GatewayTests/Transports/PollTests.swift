import Configuration
import Gateway
import Testing

extension OverSockets {
  @Suite(.serialized) struct PollTests {
    /// How long an answer took that must not have waited. The poll could have waited 60 s.
    private static let atOnce = Duration.seconds(20)

    @Test(.timeLimit(.minutes(10)))
    func `a poll without since says at once where now is`() async throws {
      try await withGateway { gateway in
        try await gateway.publish("t", 1...3)
        let start = ContinuousClock.now
        let answer = try await gateway.call("GET", "/v1/stream?topic=t&wait=60")
        #expect(ContinuousClock.now - start < Self.atOnce)
        #expect(answer.status == 200 && answer.text == #"{"items":[],"next":"\#(gateway.head)"}"#, "\(answer)")
        #expect(answer["Content-Type"] == "application/json" && answer["Cache-Control"] == "no-store")
        #expect(answer["Link"] == "</v1/stream?topic=t&wait=60&since=\(gateway.head)>; rel=\"next\"", "\(answer)")
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a poll that does not wait brings what there is`() async throws {
      try await withGateway { gateway in
        let start = gateway.head
        let http = try await HTTPWire.connect(to: gateway.url)
        #expect(
          try await http.call("GET", "/v1/stream?topic=t&wait=0&since=\(start)").text
            == #"{"items":[],"next":"\#(start)"}"#)
        for number in 1...50 {
          let id = try await gateway.publish("t", "\(number)")
          let answer = try await http.call("GET", "/v1/stream?topic=t&wait=0&since=\(gateway.id(UInt64(number - 1)))")
          #expect(answer.elements("items").count == 1 && answer.string("next") == id, "\(answer)")
        }
        let all = try await http.call("GET", "/v1/stream?topic=t&wait=0&since=\(start)")
        #expect(all.elements("items").count == 50 && all.string("next") == gateway.head)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `next moves over what other topics published, after a wait too`() async throws {
      try await withGateway { gateway in
        let start = gateway.head
        try await gateway.publish("other", 1...10)
        #expect(
          try await gateway.call("GET", "/v1/stream?topic=t&wait=0&since=\(start)").text
            == #"{"items":[],"next":"\#(gateway.id(10))"}"#)
        let http = try await HTTPWire.connect(to: gateway.url)
        http.send("GET", "/v1/stream?topic=t&wait=1&since=\(start)")
        try await eventually("a parked poll") {
          try await gateway.metric(#"sluice_connections{transport="poll"}"#) == 1
        }
        try await gateway.publish("other", 11...20)
        #expect(try await http.answer().text == #"{"items":[],"next":"\#(gateway.id(20))"}"#)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a poll waits no shorter than it was told to`() async throws {
      try await withGateway { gateway in
        let start = gateway.head
        try await withThrowingTaskGroup(of: Duration.self) { group in
          for delay in 0..<5 {
            group.addTask {
              // So that they begin at different moments of the second that the gateway counts in.
              try await Task.sleep(for: .milliseconds(200 * delay))
              let began = ContinuousClock.now
              let answer = try await gateway.call("GET", "/v1/stream?topic=t&wait=1&since=\(start)")
              #expect(answer.text == #"{"items":[],"next":"\#(start)"}"#)
              return began.duration(to: .now)
            }
          }
          for try await waited in group { #expect(waited >= .seconds(1)) }
        }
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a parked poll is answered by the first message`() async throws {
      try await withGateway { gateway in
        let http = try await HTTPWire.connect(to: gateway.url)
        http.send("GET", "/v1/stream?topic=t&wait=60&since=\(gateway.head)")
        try await eventually("a parked poll") {
          try await gateway.metric(#"sluice_connections{transport="poll"}"#) == 1
        }
        let id = try await gateway.publish("t", "1")
        let answer = try await http.answer()
        #expect(answer.elements("items").count == 1 && answer.string("next") == id)
        try await eventually("no poll") { try await gateway.metric(#"sluice_connections{transport="poll"}"#) == 0 }
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `limit bounds messages and not gaps, and the pages follow each other`() async throws {
      try await withGateway {
        $0.history.messages = 10
      } _: { gateway in
        let start = gateway.head
        try await gateway.publish("t", 1...30)
        try await gateway.passTheTape()
        let http = try await HTTPWire.connect(to: gateway.url)
        var target = "/v1/stream?topic=t&wait=0&limit=4&since=\(start)"
        var seqs: [Int] = []
        var sizes: [Int] = []
        for _ in 0..<4 {
          let answer = try await http.call("GET", target)
          let items = try answer.elements("items").map { try Item(Array($0.utf8)) }
          sizes.append(items.filter(\.isMessage).count)
          seqs += items.map(\.seq)
          guard let link = answer["Link"], link.hasPrefix("<"), link.hasSuffix(">; rel=\"next\"") else {
            throw Silence(description: "no Link: \(answer)")
          }
          #expect(link.contains(answer.string("next") ?? "nothing"))
          target = String(link.dropFirst().dropLast(">; rel=\"next\"".count))
        }
        // The gap, whose seq is 20, and then the ten that are held.
        #expect(seqs == Array(20...30) && sizes == [4, 4, 2, 0])
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a poll with nothing but a gap answers at once`() async throws {
      try await withGateway {
        $0.history.messages = 0
      } _: { gateway in
        let start = gateway.head
        let last = try await gateway.publish("t", 1...5)
        try await gateway.passTheTape()
        let began = ContinuousClock.now
        let answer = try await gateway.call("GET", "/v1/stream?topic=t&wait=60&since=\(start)")
        #expect(ContinuousClock.now - began < Self.atOnce)
        let items = try answer.elements("items").map { try Item(Array($0.utf8)) }
        #expect(items.count == 1 && items[0].isGap && items[0].id == last && items[0].seq == 5, "\(answer)")
        #expect((offset(answer.string("next")) ?? 0) >= offset(last)!)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a client that gives its poll up leaves nothing behind`() async throws {
      try await withGateway { gateway in
        for _ in 0..<10 {
          let http = try await HTTPWire.connect(to: gateway.url)
          http.send("GET", "/v1/stream?topic=t&wait=60&since=\(gateway.head)")
          try await eventually("a parked poll") {
            try await gateway.metric(#"sluice_connections{transport="poll"}"#) == 1
          }
          try await http.wire.kill()
          try await eventually("no poll") { try await gateway.metric(#"sluice_connections{transport="poll"}"#) == 0 }
        }
      }
    }
  }
}
