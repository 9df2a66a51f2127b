import Configuration
import Gateway
import GatewayClient
import Testing

extension OverSockets {
  @Suite(.serialized) struct LimitTests {
    @Test(.timeLimit(.minutes(10)))
    func `one connection too many is refused while the others go on`() async throws {
      try await withGateway {
        $0.limits.connections = 3
      } _: { gateway in
        var readers: [Reader] = []
        for kind in [StreamTransport.websocket, .sse, .ndjson] {
          readers.append(try await Reader.open(kind, gateway.url, Reading("t")))
        }
        for _ in 0..<5 {
          let answer = try await gateway.call("GET", "/v1/negotiate")
          #expect(answer.status == 503 && answer.code == "too-many-connections", "\(answer)")
          #expect(Int(answer["Retry-After"] ?? "") ?? 0 >= 1)
        }
        let id = try await gateway.publish("t", "1")
        for reader in readers { #expect(try await reader.next().id == id) }
        #expect(try await gateway.metric("sluice_http_connections_refused_total{limit=\"connections\"}") == 5)
        try await readers[0].kill()
        try await eventually("room") { try await gateway.call("GET", "/v1/negotiate").status == 200 }
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `one address has only so many connections`() async throws {
      try await withGateway {
        $0.limits.connectionsPerAddress = 2
      } _: { gateway in
        var held: [HTTPWire] = []
        for _ in 0..<2 {
          held.append(try await HTTPWire.connect(to: gateway.url))
          #expect(try await held[held.count - 1].call("GET", "/v1/negotiate").status == 200)
        }
        let answer = try await gateway.call("GET", "/v1/negotiate")
        #expect(answer.status == 429 && answer.code == "too-many-connections-from-address")
        #expect(Int(answer["Retry-After"] ?? "") ?? 0 >= 1)
        #expect(try await held[0].call("GET", "/v1/negotiate").status == 200)
        #expect(
          try await gateway.metric("sluice_http_connections_refused_total{limit=\"connections_per_address\"}") == 1)
      }
    }

    /// Clients begin to halve from these numbers when an answer is cut.
    @Test(.timeLimit(.minutes(10)))
    func `the pages that clients assume are the gateway's defaults`() async throws {
      try await withGateway {
        $0.history.messages = 2 * PageLimit.pollDefault
      } _: { gateway in
        try await gateway.publish("t", 1...PageLimit.pollDefault + 1)
        let poll = try await gateway.call("GET", "/v1/stream?topic=t&since=earliest")
        #expect(poll.elements("items").count == PageLimit.pollDefault)
        let history = try await gateway.call("GET", "/v1/topics/t/messages")
        #expect(history.elements("items").count == PageLimit.historyDefault)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `what may be asked for is bounded by the settings`() async throws {
      try await withGateway {
        $0.limits.pollWait = .seconds(5)
        $0.limits.pollMessages = 7
        $0.limits.historyMessages = 6
        $0.limits.messageBytes = 10
      } _: { gateway in
        try await gateway.publish("t", 1...20)
        let wait = try await gateway.call("GET", "/v1/stream?topic=t&wait=6")
        #expect(wait.status == 400 && wait.string("detail")?.contains("0 to 5") == true, "\(wait)")
        let poll = try await gateway.call("GET", "/v1/stream?topic=t&since=earliest")
        #expect(poll.elements("items").count == 7)
        #expect(try await gateway.call("GET", "/v1/topics/t/messages").elements("items").count == 6)
        for (body, status) in [("\"12345678\"", 201), ("\"123456789\"", 413)] {
          let answer = try await gateway.call(
            "POST", "/v1/topics/t/messages", headers: [("Content-Type", "application/json")], body: body)
          #expect(answer.status == status, "\(answer)")
        }
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a head or a body that does not come is given up`() async throws {
      try await withGateway {
        $0.limits.requestHeadTime = .seconds(1)
        $0.limits.requestBodyTime = .seconds(1)
      } _: { gateway in
        let head = try await HTTPWire.connect(to: gateway.url)
        head.wire.send("GET /v1/negotiate HTTP/1.1\r\nHost: x\r\n")
        let body = try await HTTPWire.connect(to: gateway.url)
        body.wire.send(
          "POST /v1/topics/t/messages HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nhalf"
        )
        let late = try await head.answer()
        #expect(late.status == 408 && late.code == "request-timeout", "\(late)")
        #expect(try await head.some() == nil)
        let half = try await body.answer()
        #expect(half.status == 408 && half.code == "payload-timeout", "\(half)")
        #expect(try await body.some() == nil)
        #expect(gateway.head == gateway.id(0))
        #expect(try await gateway.metric("sluice_http_timeouts_total") == 2)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a burst far past the memory drops the oldest history and tells its readers`() async throws {
      let limit = 16 << 20
      try await withGateway {
        $0.limits.memory = limit
        $0.history.messages = 1_000_000
      } _: { gateway in
        let first = try await gateway.publish("t", "0")
        let reader = try await Reader.open(.ndjson, gateway.url, Reading("live"))
        let value = "\"\(String(repeating: "x", count: 10_000))\""
        var last = ""
        var highest = 0.0
        for round in 1...40 {
          // 100 times 1 MB and the last a little more: six times the bound.
          for topic in ["t", "u.\(round)"] {
            last = try await gateway.publish(topic, [String](repeating: value, count: 125)).last ?? ""
          }
          highest = max(highest, try await gateway.metric("sluice_memory_bytes"))
        }
        #expect(highest <= Double(limit) && highest > Double(limit) / 4, "\(highest)")
        #expect(try await gateway.metric("sluice_messages_dropped_total{reason=\"memory\"}") > 5000)
        let late = try await Reader.open(.ndjson, gateway.url, Reading("t", since: first))
        let gap = try await late.next()
        #expect(gap.isGap && gap.reason == "expired" && gap.after == first, "\(gap)")
        let topic = try await gateway.call("GET", "/v1/topics/t")
        #expect(topic.integer("last_seq") == 5001)
        if let oldest = topic.integer("oldest_seq") {
          #expect(Int64(gap.seq) == oldest - 1)
          #expect(try await late.next(Int(5001 - oldest + 1)).map(\.seq) == Array(Int(oldest)...5001))
        }
        // The process is there and serves.
        let id = try await gateway.publish("live", "1")
        #expect(try await reader.next().id == id && (offset(id) ?? 0) > (offset(last) ?? 0))
      }
    }
  }
}
