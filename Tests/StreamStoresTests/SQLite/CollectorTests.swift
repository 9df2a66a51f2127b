import StreamLog
import StreamStores
import Testing
import WireFormat

/// Rows of dropped messages go little by little, and those that the tape needs stay.
@Suite(.timeLimit(.minutes(10))) struct CollectorTests {
  private let file = StoreFile()

  private func rows(_ condition: String = "1") throws -> Int {
    try file.number("SELECT count(*) FROM messages WHERE \(condition)")
  }

  @Test func `topics that are full keep the file's rows bounded`() async throws {
    try await file.start(.keeping(5, tapeEntries: 16)) { store in
      for round in 0..<40 {
        for topic in 0..<10 { try await store.publish("t.\(topic)", count: 5) }
        // What is held, the tape, and what a commit may leave behind.
        #expect(try rows() <= 50 + 16 + 100, "round \(round)")
      }
      for _ in 0..<3 { try await store.sweep() }
      #expect(try rows() <= 50 + 16)
    }
  }

  @Test func `rows above the tape's floor stay`() async throws {
    try await file.start(.keeping(1, tapeEntries: 100)) { store in
      try await store.publish("a", count: 500)
      for _ in 0..<3 { try await store.sweep() }
      let (all, above) = (try rows(), try rows("offset > 400"))
      #expect(all == 100 && above == 100)
    }
  }

  @Test func `an erased history goes with sweeps, a part at a time, and after a restart too`() async throws {
    try await file.start(.keeping(100_000, tapeEntries: 1)) { store in
      try await store.publish("a", count: 12_000)
      try await store.publish("b")
      try await store.erase("a")
      let left = try rows()
      #expect(left > 10_000)
      try await store.sweep()
      let rest = try rows()
      #expect(rest > 0 && rest <= left - 4000)
    }
    try await file.start(.keeping(100_000, tapeEntries: 1)) { store in
      for _ in 0..<5 { try await store.sweep() }
      #expect(try rows() == 1)
      #expect(try await store.summary("a")?.lastSeq == 12_000)
    }
  }

  @Test func `a forgotten topic's rows go, and then its own, after a restart too`() async throws {
    var options = StoreOptions.keeping(10, tapeEntries: 1)
    options.memoryBytes = 20_000
    try await file.start(options) { store in
      for number in 0..<200 { try await store.publish("t.\(number)") }
    }
    try await file.start(options) { store in
      for _ in 0..<5 { try await store.sweep() }
      let known = store.store.statistics().topics
      let rows = try file.number("SELECT count(*) FROM topics")
      #expect(known > 0 && rows == known)
      #expect(try file.number("SELECT count(*) FROM topics WHERE is_forgotten") == 0)
      #expect(try self.rows("topic NOT IN (SELECT id FROM topics)") == 0)
    }
  }

  @Test func `a hundred thousand messages that are all too old are dropped over several sweeps`() async throws {
    var options = StoreOptions.keeping(200_000, tapeEntries: 1)
    options.retention.standard.ageMilliseconds = 1000
    options.retention.standard.bytes = 1 << 30
    try await file.start(options) { store in
      try await store.publish("a", count: 100_000)
      file.clock.advance(milliseconds: 1_000_000)
      let before = try rows()
      try await store.publish("b")
      // No publish deletes more than a little.
      #expect(try before - rows() < 1000)
      #expect(try await store.summary("a")?.messages == 0)
      for _ in 0..<25 { try await store.sweep() }
      #expect(try rows() == 1)
    }
  }
}
