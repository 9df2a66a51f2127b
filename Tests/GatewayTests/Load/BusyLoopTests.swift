import Gateway
import GatewayClient
import Testing

extension OverSockets {
  @Suite(.serialized) struct BusyLoopTests {
    /// A loop runs its tasks until there are none and looks at its sockets only then: a fan-out that went on with the
    /// next burst by itself would let nobody in as long as there is always more.
    @Test(.timeLimit(.minutes(2)))
    func `a loop that fans out without pause still serves its sockets`() async throws {
      let burst = 1024
      try await withGateway {
        $0.eventLoops = 1
        $0.diagnostics.echo = true
        $0.history.messages = 1_000_000
        $0.heartbeat.ndjson = .seconds(3600)
      } _: { gateway in
        let crowd = try await Crowd.open(200, gateway.url, "t")
        let socket = try await Socket.open(gateway.url, "/v1/diagnostics/echo")
        let http = try await HTTPWire.connect(to: gateway.url)

        // One fan-out: so many messages as the loop takes in one go, from the first's commit to all readers' last.
        var objects = 1
        var fanOuts: [Duration] = []
        for _ in 0..<3 {
          let start = ContinuousClock.now
          try await gateway.publish("t", [String](repeating: "1", count: burst))
          objects += burst
          await crowd.reach(objects)
          fanOuts.append(ContinuousClock.now - start)
        }

        let stops = Counter()
        let published = Counter(objects)
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            while stops.now == 0 {
              // Always more than one burst to do, and never so much that the tape could pass the loop.
              let slowest = crowd.members[0].objects
              guard published.now < slowest + 4 * burst else {
                await Task.yield()
                continue
              }
              try await gateway.publish("t", [String](repeating: "1", count: 64))
              published.add(64)
            }
          }
          try await eventually("the loop is busy") { published.now > crowd.members[0].objects + burst }
          var echoes: [Duration] = []
          var calls: [Duration] = []
          var busy = 0
          for number in 0..<15 {
            var start = ContinuousClock.now
            socket.send("\(number)")
            guard case .text(let bytes)? = try await socket.next() else { throw Silence(description: "no echo") }
            #expect(bytes == Array("\(number)".utf8))
            echoes.append(ContinuousClock.now - start)
            start = ContinuousClock.now
            #expect(try await http.call("GET", "/v1/topics/t").status == 200)
            calls.append(ContinuousClock.now - start)
            if published.now > crowd.members[0].objects { busy += 1 }
          }
          stops.add(1)
          try await group.waitForAll()
          #expect(busy >= 10)
          // Two fan-outs, twice that for a machine that does other things and for the readers in this process.
          let bound = fanOuts.median * 4
          #expect(echoes.median < bound && calls.median < bound, "\(echoes) \(calls) against \(fanOuts)")
        }
        await crowd.reach(published.now)
        #expect(crowd.members.allSatisfy { $0.objects == published.now })
        try await crowd.close()
      }
    }
  }
}
