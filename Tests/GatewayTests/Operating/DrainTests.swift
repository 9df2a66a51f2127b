import Configuration
import Gateway
import GatewayClient
import Testing
import WireFormat

extension OverSockets {
  @Suite(.serialized) struct DrainTests {
    @Test(.timeLimit(.minutes(10)))
    func `draining, every client is told when to come back and everything ends`() async throws {
      try await withGateway {
        $0.drain.window = .seconds(2)
        $0.drain.timeout = .seconds(20)
      } _: { gateway in
        var sockets: [Socket] = []
        var lines: [Reader] = []
        for _ in 0..<8 {
          let socket = try await Socket.open(gateway.url, "/v1/stream?topic=t")
          _ = try await socket.item()
          sockets.append(socket)
          lines.append(try await Reader.open(.ndjson, gateway.url, Reading("t")))
        }
        let events = try await HTTPWire.connect(to: gateway.url)
        events.send("GET", "/v1/stream?topic=t", headers: [("Accept", "text/event-stream")])
        _ = try await events.head()
        _ = try await events.chunk()
        let poll = try await HTTPWire.connect(to: gateway.url)
        poll.send("GET", "/v1/stream?topic=t&wait=60&since=\(gateway.head)")
        try await eventually("all of them") {
          try await gateway.admin("GET", "/v1/admin/connections").integer("total") == 18
        }
        let idle = try await HTTPWire.connect(to: gateway.url)
        #expect(try await idle.call("GET", "/v1/negotiate").status == 200)

        // One that is neither read from nor closed keeps the gateway there, so that it can be asked.
        let silent = try await Socket.open(gateway.url, "/v1/stream?topic=t")
        _ = try await silent.item()
        let drained = Task { await gateway.gateway.drain() }
        try await eventually("draining") { try await gateway.admin("GET", "/health/ready").status == 503 }
        #expect(try await gateway.admin("GET", "/health/ready").text == #"{"status":"draining"}"#)
        #expect(try await gateway.admin("GET", "/health/accept").text == #"{"status":"draining"}"#)
        #expect(try await gateway.admin("GET", "/health/live").status == 200)
        #expect(try await gateway.metric("sluice_draining") == 1)

        // Within the window, and a little before which nobody need come.
        let window = Int64(0)...Int64(2100)
        var waits: [Int64] = []
        for socket in sockets {
          let item = try await socket.item()
          #expect(item?.kind == "reconnect")
          waits.append(item?.object.integer("after_ms") ?? -1)
          #expect(try await socket.closing()?.code == 1012)
          socket.close(1012)
          #expect(try await socket.next() == nil)
        }
        for reader in lines {
          let items = try await reader.rest()
          #expect(items.map(\.kind) == ["reconnect"])
          waits.append(items.last?.object.integer("after_ms") ?? -1)
        }
        #expect(waits.allSatisfy(window.contains) && Set(waits).count > 4, "\(waits)")
        let block = String(decoding: try await events.chunk() ?? [], as: UTF8.self)
        let wait = block.split(separator: "\n").first?.dropFirst("retry: ".count) ?? ""
        #expect(block == "retry: \(wait)\nevent: reconnect\ndata: {\"type\":\"reconnect\",\"after_ms\":\(wait)}\n\n")
        #expect(window.contains(Int64(wait) ?? -1))
        #expect(try await events.chunk() == nil)
        let refused = try await poll.answer()
        #expect(refused.status == 503 && refused.code == "draining", "\(refused)")
        #expect((1...3).contains(Int(refused["Retry-After"] ?? "") ?? 0))

        await drained.value
        #expect(try await idle.some() == nil)
        await #expect(throws: (any Error).self) { try await gateway.call("GET", "/v1/negotiate") }
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `while draining nobody new is let in`() async throws {
      try await withGateway {
        $0.drain.window = .milliseconds(100)
        $0.drain.timeout = .seconds(20)
      } _: { gateway in
        // It does not answer the close, so that the drain goes on for the time a close may take.
        let silent = try await Socket.open(gateway.url, "/v1/stream?topic=t")
        _ = try await silent.item()
        var early: [HTTPWire] = []
        for _ in 0..<4 {
          let http = try await HTTPWire.connect(to: gateway.url)
          // A request that has begun keeps its connection. This one begins in the packet of another, whose answer shows
          // that the gateway has received the packet.
          http.wire.send("GET /v1/negotiate HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/stream?topic=t")
          #expect(try await http.answer().status == 200)
          early.append(http)
        }
        let drained = Task { await gateway.gateway.drain() }
        try await eventually("draining") { try await gateway.admin("GET", "/health/ready").status == 503 }
        let rest = [
          " HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n",
          " HTTP/1.1\r\nHost: x\r\nAccept: application/x-ndjson\r\n\r\n",
          "&wait=60&since=x-1 HTTP/1.1\r\nHost: x\r\n\r\n",
          " HTTP/1.1\r\nHost: x\r\n" + Socket.upgrade.map { "\($0.0): \($0.1)\r\n" }.joined() + "\r\n",
        ]
        for (wire, text) in zip(early, rest) { wire.wire.send(text) }
        let events = try await early[0].answer()
        #expect(events.status == 200 && events.text.hasPrefix("retry: ") && events.text.contains("event: reconnect"))
        for wire in early.dropFirst() {
          let answer = try await wire.answer()
          #expect(answer.status == 503 && answer.code == "draining" && answer["Retry-After"] != nil, "\(answer)")
        }
        await drained.value
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a client that never reads and never closes does not keep a drain`() async throws {
      try await withGateway {
        $0.drain.window = .milliseconds(100)
        $0.drain.timeout = .seconds(2)
      } _: { gateway in
        var stalled: [Reader] = []
        for kind in [StreamTransport.websocket, .sse, .ndjson] {
          var reading = Reading("t")
          reading.receiveBuffer = 4096
          let reader = try await Reader.open(kind, gateway.url, reading)
          try await reader.setReading(false)
          stalled.append(reader)
        }
        let slow = try await HTTPWire.connect(to: gateway.url)
        slow.send("POST", "/v1/topics/t/messages", headers: [("Content-Length", "10")])
        let value = "\"\(String(repeating: "x", count: 60_000))\""
        for _ in 0..<200 { try await gateway.publish("t", value) }
        let start = ContinuousClock.now
        await gateway.gateway.drain()
        #expect(ContinuousClock.now - start < .seconds(12))
        withExtendedLifetime(stalled) {}
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `an operator can ask for the drain`() async throws {
      try await withGateway { gateway in
        let answer = try await gateway.admin("POST", "/v1/admin/drain")
        #expect(answer.status == 202 && answer.integer("connections") == 0)
        await gateway.gateway.waitForDrainRequest()
      }
    }
  }
}
