import Configuration
import Gateway
import GatewayClient
import StreamLog
import TestSupport
import Testing

extension OverSockets {
  @Suite(.serialized) struct StalledReaderTests {
    /// A slow reader costs a number, not a buffer. The stalled one also reads a topic of which 128 MiB pass while it
    /// does not read; 8 MiB of that are kept for it in the topic's history, and the tape has at most 8 MiB more.
    @Test(
      .timeLimit(.minutes(10)),
      arguments: Soak.values(
        gate: [(2, StreamTransport.websocket)], soak: [(1, .websocket), (2, .websocket), (2, .ndjson), (1, .sse)]))
    func `a stalled reader among 1000 holds nobody up and costs no memory`(
      loops: Int, kind: StreamTransport
    ) async throws {
      let rounds = 20
      let heavyBytes = 64_000
      let heavyPerRound = 100
      let kept = 8 << 20
      try await withGateway {
        $0.eventLoops = loops
        $0.topics = [TopicRule(match: try! TopicPattern("heavy"), history: .init(messages: 100_000, bytes: kept))]
        $0.history.messages = 1000
        $0.heartbeat.ndjson = .seconds(3600)
      } _: { gateway in
        let crowd = try await Crowd.open(999, gateway.url, "light")
        let heavy = [String](repeating: "\"\(String(repeating: "x", count: heavyBytes))\"", count: heavyPerRound)
        var published = 0
        /// From a publish until all 999 have it.
        func measure() async throws -> Duration {
          try await gateway.publish("heavy", heavy)
          published += 1
          let start = ContinuousClock.now
          try await gateway.publish("light", "\(published)")
          await crowd.reach(1 + published)
          return ContinuousClock.now - start
        }

        var without: [Duration] = []
        for _ in 0..<rounds { without.append(try await measure()) }

        var reading = Reading("light", "heavy")
        reading.receiveBuffer = 64 << 10
        let stalled = try await Reader.open(kind, gateway.url, reading)
        try await stalled.setReading(false)
        let start = gateway.head
        let before = (
          resident: residentBytes(), held: try await gateway.metric("sluice_memory_bytes"),
          unsent: try await gateway.metric("sluice_unsent_bytes")
        )
        var with: [Duration] = []
        for _ in 0..<rounds { with.append(try await measure()) }
        let after = (
          resident: residentBytes(), held: try await gateway.metric("sluice_memory_bytes"),
          unsent: try await gateway.metric("sluice_unsent_bytes")
        )

        // The others: all of it, in the same bytes, and no later than before by more than what a busy machine does.
        #expect(with.median < without.median * 5, "\(with.median) against \(without.median)")
        let reference = crowd.members[0].bytes(after: 1)
        #expect(crowd.members.allSatisfy { $0.objects == 1 + published && $0.bytes(after: 1) == reference })

        // Unsent: at most the page the kernel cut, which is 64 KiB or one message. Held: no more than before, since
        // history and tape were full then. Resident: what the crowd keeps of 20 messages each, and slack, which
        // together are far less than the 128 MiB that were missed.
        let missed = rounds * heavyPerRound * heavyBytes
        #expect(missed >= 120 << 20)
        #expect(after.unsent - before.unsent <= Double(2 * (64 << 10) + heavyBytes), "\(after.unsent)")
        #expect(after.held - before.held < Double(2 << 20), "\(before.held) to \(after.held)")
        #expect(after.resident - before.resident < missed / 2, "\(before.resident) to \(after.resident)")

        // It reads again: everything still held in order, and a gap for the rest.
        let last = try await gateway.publish("light", "0")
        try await stalled.setReading(true)
        let items = try await stalled.upTo(last)
        #expect(items.map(\.offset) == items.map(\.offset).sorted())
        #expect(items.filter { $0.topic == "light" }.map(\.seq) == Array(rounds + 1...published + 1))
        var next = rounds * heavyPerRound + 1
        var reached = offset(start) ?? 0
        var gaps = 0
        for item in items where item.topic == "heavy" {
          if item.isGap {
            gaps += 1
            #expect(item.reason == "slow", "\(item)")
            #expect((offset(item.after) ?? 0) >= reached && item.seq >= next, "\(item) after \(reached)")
            next = item.seq + 1
          } else {
            #expect(item.seq == next)
            next = item.seq + 1
          }
          reached = item.offset
        }
        #expect(gaps >= 1 && next == 2 * rounds * heavyPerRound + 1)
        #expect(items.count { $0.topic == "heavy" && $0.isMessage } > kept / heavyBytes / 2)
        try await crowd.close()
      }
    }
  }
}
