import Gateway
import GatewayClient
import Testing

extension OverSockets {
  @Suite(.serialized) struct ConcurrencyTests {
    @Test(.timeLimit(.minutes(10)))
    func `16 connections publishing at once to 100 topics make one order without holes`() async throws {
      let publishers = 16
      let each = 100
      try await withGateway { gateway in
        let start = gateway.head
        let opened = Counter()
        try await withThrowingTaskGroup(of: Void.self) { group in
          for kind in StreamTransport.allCases {
            for live in [true, false] {
              let reading = live ? Reading("c.*") : Reading("c.*", since: start)
              group.addTask {
                let reader = try await Reader.open(kind, gateway.url, reading)
                opened.add(1)
                try await Self.check(reader, count: publishers * each)
              }
            }
          }
          try await eventually("all readers") { opened.now == 2 * StreamTransport.allCases.count }
          for publisher in 0..<publishers {
            group.addTask {
              let http = try await HTTPWire.connect(to: gateway.url)
              var last = 0
              for number in 0..<each {
                let topic = "c.\((publisher * 37 + number) % 100)"
                let answer = try await http.call(
                  "POST", "/v1/topics/\(topic)/messages", headers: [("Content-Type", "application/json")],
                  body: "[\(publisher),\(number)]")
                let at = Int(offset(answer.string("id")) ?? 0)
                #expect(answer.status == 201 && at > last, "\(answer)")
                last = at
              }
            }
          }
          try await group.waitForAll()
        }
      }
    }

    private static func check(_ reader: Reader, count: Int) async throws {
      var seqs: [String: Int] = [:]
      var numbers: [String: Int] = [:]
      var last: UInt64 = 0
      for _ in 0..<count {
        let item = try await reader.next()
        guard item.isMessage, item.offset > last, let topic = item.topic, item.seq == seqs[topic, default: 0] + 1 else {
          Issue.record("\(reader.kind): \(item) after \(last)")
          return
        }
        last = item.offset
        seqs[topic] = item.seq
        // One connection's messages keep their order.
        let parts = item.data.dropFirst().dropLast().split(separator: ",")
        let number = Int(parts[1]) ?? -1
        #expect(number == numbers[String(parts[0]), default: -1] + 1)
        numbers[String(parts[0])] = number
      }
      #expect(seqs.count == 100 && seqs.values.reduce(0, +) == count)
    }
  }
}
