import SQLite
import StreamLog
import StreamStores
import Testing
import WireFormat

/// What a durable store knows after a restart: everything it acknowledged.
@Suite(.timeLimit(.minutes(10))) struct RestartTests {
  private let file = StoreFile()

  @Test func `offsets, seqs and histories go on in a new epoch`() async throws {
    let old = try await file.start { store in
      for topic in ["a", "b", "a"] { try await store.publish(topic, text: "\"\(topic)\"") }
      return try await store.summaries()
    }
    try await file.start { store in
      #expect(store.store.tape.lineage.entries.map(\.epoch.string) == ["e1", "e2"])
      #expect(try await store.summaries() == old)
      var reader = try await store.reader(.earliest, ">")
      #expect(try await reader.all() == [.message("a", 1), .message("b", 2), .message("a", 3)])
      let next = try await store.publish("a").published
      #expect(next?.id == Position("e2-4") && next?.seq == 3)
    }
  }

  @Test func `a reader of every epoch before resumes by its id, without a gap`() async throws {
    for _ in 0..<5 { try await file.start { try await $0.publish("a", count: 2) } }
    try await file.start { store in
      for number in 1...5 {
        let id = "e\(number)-\(2 * number - 1)"
        let start = try await store.resolve(.since(id), "a")
        #expect(start.gap == nil && start.offset == Offset(2 * number - 1), "\(id)")
      }
    }
  }

  @Test func `an idempotency key answers within its window, and not after it`() async throws {
    var options = StoreOptions()
    options.idempotencyWindowNanoseconds = 10_000_000_000
    let first = try await file.start(options) { try await $0.publish("a", "b", key: "k") }
    guard case .committed(let committed) = first else { return #expect(Bool(false), "\(first)") }
    file.clock.advance(milliseconds: 9_000)
    try await file.start(options) { store in
      let again = try await store.publish("a", "b", key: "k")
      #expect(again == .repeated(committed))
      #expect(try await store.publish("a", "b", key: "k", publisher: "q").refusal == nil)
    }
    file.clock.advance(milliseconds: 2_000)
    try await file.start(options) { store in
      guard case .committed = try await store.publish("a", "b", key: "k") else {
        return #expect(Bool(false), "the key is too old to be known")
      }
    }
  }

  @Test func `a precondition is judged by what was last before the restart`() async throws {
    let last = try #require(try await file.start { try await $0.publish("a").published?.id })
    try await file.start { store in
      let refusal = try await store.publish("a", ifLast: .neverPublished).refusal
      #expect(refusal == .preconditionFailed(topic: try TopicName("a"), current: last))
      #expect(try await store.publish("a", ifLast: .lastIs(last.description)).refusal == nil)
    }
  }

  @Test func `an erased history stays erased, whether its rows are collected or not`() async throws {
    try await file.start { store in
      try await store.publish("a", count: 3)
      try await store.publish("b")
      try await store.erase("a")
    }
    // The tape holds them, so their rows are still there.
    #expect(try file.number("SELECT count(*) FROM messages") == 4)
    try await file.start { store in
      #expect(try await store.summary("a")?.messages == 0)
      var reader = try await store.reader(since: 0, "a", "b")
      #expect(
        try await reader.all() == [.gap("a", after: 0, through: 3, seq: 3, .deleted), .message("b", 4)])
      #expect(try await store.publish("a").published?.seq == 4)
    }
  }

  @Test func `a shorter retention applies to what is in the file already`() async throws {
    try await file.start { try await $0.publish("a", count: 10) }
    try await file.start(.keeping(3)) { store in
      try await store.publish("a")
      #expect(try await store.summary("a")?.messages == 3)
      #expect(try await store.summary("a")?.oldest?.seq == 9)
    }
  }

  @Test func `the tape is as it was: nothing that is on it is lost to who resumes`() async throws {
    try await file.start(.keeping(1)) { try await $0.publish("a", count: 5) }
    try await file.start(.keeping(1)) { store in
      var reader = try await store.reader(since: 1, "a")
      #expect(try await reader.all() == (2...5).map { .message("a", $0) })
    }
  }

  @Test func `the tape begins above a hole, and who is below it is told`() async throws {
    try await file.start(.keeping(1)) { try await $0.publish("a", count: 5) }
    try file.connect().execute("DELETE FROM messages WHERE offset = 3")
    try await file.start(.keeping(1)) { store in
      var above = try await store.reader(since: 3, "a")
      #expect(try await above.all() == [.message("a", 4), .message("a", 5)])
      var below = try await store.reader(since: 1, "a")
      #expect(try await below.all().first == .gap("a", after: 1, through: 3, seq: 3, .expired))
    }
  }

  @Test func `forgotten topics stay forgotten, and their readers are told`() async throws {
    var options = StoreOptions.keeping(1, tapeEntries: 1)
    options.memoryBytes = 20_000
    let forgotten = try await file.start(options) { store in
      for number in 0..<200 { try await store.publish("t.\(number)") }
      return store.store.statistics().forgottenTopics
    }
    #expect(forgotten > 0)
    try await file.start(options) { store in
      #expect(try await store.summary("t.0") == nil)
      var reader = try await store.reader(since: 0, "t.0")
      let told = try await reader.all()
      #expect(told.count == 1 && told.first?.offset ?? 0 >= 1, "\(told)")
    }
  }

  @Test func `a position that a power cut took back gets an epoch gap`() async throws {
    try await file.start { try await $0.publish("a", count: 2) }
    let before = try file.closedCopy()
    try await file.start { try await $0.publish("a", count: 3) }
    try file.replace(by: before)
    try await file.start { store in
      // It had read in e2, which the file that came back knows nothing of.
      #expect(try await store.resolve(.since("e2-5"), "a").gap?.reason == .epoch)
      // Of an epoch that the file knows, beyond its end.
      let start = try await store.resolve(.since("e1-4"), "a")
      #expect(start.offset == 2 && start.gap?.reason == .epoch)
      #expect(try await store.publish("a").published?.id == Position("e3-3"))
    }
  }

  @Test func `of more than a thousand epochs the oldest are unknown`() async throws {
    try await file.start { try await $0.publish("a") }
    // As if there had been starts without a publish.
    try file.connect().execute(
      """
      WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1001)
      INSERT INTO lineage (epoch, first) SELECT 'x' || i, 2 FROM n
      """)
    try await file.start { store in
      #expect(store.store.tape.lineage.entries.count == 1000)
      let unknown = try await store.resolve(.since("e1-1"), "a")
      #expect(unknown.gap?.reason == .epoch)
      #expect(try await store.resolve(.since("x1001-1"), "a").gap == nil)
      #expect(try await store.publish("a").published?.id == Position("e2-2"))
    }
  }

  @Test func `a second store on the same file is refused, and may open once the first is closed`() async throws {
    try await file.start { _ in
      await #expect(throws: StoreOpeningError.self) { try await file.start { _ in } }
    }
    try await file.start { try await $0.publish("a") }
  }
}
