import StreamLog
import StreamStores
import Testing
import WireFormat

/// What every store keeps, drops, erases and says of it.
@Suite(.timeLimit(.minutes(10))) struct RetentionContractTests {
  @Test(arguments: StoreHarness.all)
  func `a topic keeps as many messages as its rule says`(harness: StoreHarness) async throws {
    let store = try await harness.make(.keeping(3))
    try await store.publish("a", count: 5)
    let summary = try #require(try await store.summary("a"))
    #expect(summary.messages == 3 && summary.oldest?.seq == 3 && summary.oldest?.id.offset == 3)
    #expect(summary.lastSeq == 5 && summary.lastID.offset == 5)
    #expect(store.store.statistics().droppedByRetention == 2)
  }

  @Test(arguments: StoreHarness.all)
  func `a topic keeps messages as long as its rule says`(harness: StoreHarness) async throws {
    var options = StoreOptions()
    options.retention.standard.ageMilliseconds = 1000
    let store = try await harness.make(options)
    try await store.publish("a")
    store.clock.advance(milliseconds: 600)
    try await store.publish("a")
    store.clock.advance(milliseconds: 400)
    #expect(try await store.summary("a")?.messages == 2)
    store.clock.advance(milliseconds: 1)
    #expect(try await store.summary("a")?.messages == 1)
    store.clock.advance(milliseconds: 600)
    let summary = try #require(try await store.summary("a"))
    #expect(summary.messages == 0 && summary.bytes == 0 && summary.oldest?.seq == nil && summary.lastSeq == 2)
  }

  @Test(arguments: StoreHarness.all)
  func `a topic keeps as many bytes as its rule says`(harness: StoreHarness) async throws {
    var options = StoreOptions()
    options.retention.standard.bytes = 2000
    let store = try await harness.make(options)
    try await store.publish("a", count: 50)
    let summary = try #require(try await store.summary("a"))
    #expect(summary.bytes <= 2000 && summary.bytes > 1000)
    #expect(summary.messages < 10 && summary.messages > 2)
  }

  @Test(arguments: StoreHarness.all)
  func `the first rule that matches is the topic's`(harness: StoreHarness) async throws {
    var options = StoreOptions.keeping(4)
    func rule(_ pattern: String, _ messages: Int) throws -> RetentionRules.Rule {
      .init(
        match: try TopicPattern(pattern),
        retention: Retention(messages: messages, ageMilliseconds: 1 << 40, bytes: 1 << 30))
    }
    options.retention.rules = [try rule("a.1", 1), try rule("a.*", 2), try rule("a.1", 9)]
    let store = try await harness.make(options)
    for topic in ["a.1", "a.2", "b"] { try await store.publish(topic, count: 10) }
    #expect(try await store.summaries().map(\.messages) == [1, 2, 4])
  }

  @Test(arguments: StoreHarness.all)
  func `a topic that keeps nothing is still heard from the tape`(harness: StoreHarness) async throws {
    let store = try await harness.make(.keeping(0))
    try await store.publish("a", count: 3)
    var reader = try await store.reader(since: 1, "a")
    #expect(try await reader.all() == [.message("a", 2), .message("a", 3)])
    #expect(try await store.summary("a")?.messages == 0)
  }

  // MARK: The memory bound

  @Test func `the memory bound drops the oldest history first, whatever its topic`() async throws {
    var options = StoreOptions.keeping(1000, tapeEntries: 4)
    options.memoryBytes = 60_000
    let store = try await StoreHarness.memory.make(options)
    try await store.publish("old", count: 20)
    for index in 0..<300 { try await store.publish("new.\(index % 3)") }
    #expect(try await store.summary("old")?.messages == 0)
    let statistics = store.store.statistics()
    #expect(statistics.bytes <= 60_000 && statistics.droppedByMemory > 100)
    var reader = try await store.reader(since: 3, "old")
    #expect(try await reader.all() == [.gap("old", after: 3, through: 20, seq: 20, .expired)])
  }

  @Test func `the memory bound forgets the topics longest without a message, and readers are told`() async throws {
    var options = StoreOptions.keeping(1, tapeEntries: 4)
    options.memoryBytes = 100_000
    let store = try await StoreHarness.memory.make(options)
    for index in 0..<1000 { try await store.publish("t.\(index)") }
    let statistics = store.store.statistics()
    #expect(statistics.forgottenTopics > 500 && statistics.topics < 500 && statistics.bytes <= 100_000)
    #expect(try await store.summary("t.0") == nil)
    #expect(try await store.summary("t.999") != nil)
    var before = try await store.reader(since: 0, "t.0")
    let told = try await before.all()
    guard case .gap("t.0", after: 0, through: 1..., seq: nil, .expired) = told.first, told.count == 1 else {
      Issue.record("\(told)")
      return
    }
    var pattern = try await store.reader(since: 0, "t.*")
    #expect(
      try await pattern.all().contains { if case .gap("t.*", after: 0, _, _, .expired) = $0 { true } else { false } })
  }

  @Test func `what is pinned elsewhere counts in the bound`() throws {
    let ledger = MemoryLedger()
    var settings = StoreSettings()
    settings.memoryBytes = 100_000
    let store = MemoryStore(settings: settings, epoch: Epoch("e1")!, ledger: ledger) { Instant(wall: 0, monotonic: 0) }
    let items = try (0..<100).map { _ in try PublishItem.test(["a"]) }
    store.append(items, publisher: "p") { _ in }
    let held = store.statistics().messages
    let pinned = CachedBytes([UInt8](repeating: 0, count: 60_000), in: ledger)
    store.sweep()
    #expect(store.statistics().messages < held)
    #expect(store.statistics().bytes <= 100_000)
    #expect(pinned.bytes.count == ledger.cached)
  }

  @Test func `a sweep applies age where nobody publishes or reads`() throws {
    let clock = ManualClock()
    var settings = StoreSettings()
    settings.retention.standard.ageMilliseconds = 1000
    let store = MemoryStore(settings: settings, epoch: Epoch("e1")!, ledger: MemoryLedger()) { clock.now }
    let items = try (0..<500).map { try PublishItem.test(["t.\($0)"], key: "\($0)") }
    store.append(items, publisher: "p") { _ in }
    clock.advance(milliseconds: 400_000)
    store.sweep()
    #expect(store.statistics().messages == 0 && store.statistics().idempotencyKeys == 0)
    #expect(store.statistics().topics == 500)
  }

  // MARK: Summaries

  @Test(arguments: StoreHarness.all)
  func `summaries come by name, matching, after a topic, and no more than asked for`(
    harness: StoreHarness
  ) async throws {
    let store = try await harness.make(StoreOptions())
    for topic in ["b.2", "a.1", "c", "b.1", "a.2"] { try await store.publish(topic) }
    func names(_ matching: String? = nil, _ after: String? = nil, _ limit: Int = 100) async throws -> [String] {
      try await store.summaries(matching: matching, after: after, limit: limit).map(\.topic.string)
    }
    #expect(try await names() == ["a.1", "a.2", "b.1", "b.2", "c"])
    #expect(try await names("*.1") == ["a.1", "b.1"])
    #expect(try await names(nil, "a.2", 2) == ["b.1", "b.2"])
    #expect(try await names(nil, "a.15", 1) == ["a.2"])
    #expect(try await names(nil, "c") == [])
    #expect(try await store.summary("x") == nil)
  }

  // MARK: Erasing

  @Test(arguments: StoreHarness.all)
  func `an erased topic's numbers go on, and nothing erased is served again`(harness: StoreHarness) async throws {
    let store = try await harness.make(StoreOptions())
    try await store.publish("a", count: 2)
    try await store.publish("b")
    let summary = try #require(try await store.erase("a"))
    #expect(summary.messages == 0 && summary.lastSeq == 2 && summary.lastID.offset == 2)
    #expect(try await store.publish("a").published?.seq == 3)
    var reader = try await store.reader(since: 0, "a", "b")
    #expect(
      try await reader.all()
        == [.gap("a", after: 0, through: 2, seq: 2, .deleted), .message("b", 3), .message("a", 4)])
    var earliest = try await store.reader(.earliest, ">")
    #expect(try await earliest.all() == [.message("b", 3), .message("a", 4)])
    #expect(try await store.erase("x") == nil)
  }

  @Test(arguments: StoreHarness.all)
  func `an erasure below the tape is told to a reader below it`(harness: StoreHarness) async throws {
    let store = try await harness.make(.keeping(100, tapeEntries: 3))
    try await store.publish("a", "b", "a2", "a3")
    try await store.publish("a", count: 4)
    try await store.erase("a")
    try await store.publish("b", count: 2)
    var reader = try await store.reader(since: 0, "a", "b")
    #expect(
      try await reader.all() == [
        .message("b", 2), .gap("a", after: 0, through: 7, seq: 4, .deleted),
        .gap("a", after: 7, through: 8, seq: 5, .deleted), .message("b", 9), .message("b", 10),
      ])
  }

  @Test(arguments: StoreHarness.all)
  func `a reader in the middle of what is erased is told of the rest`(harness: StoreHarness) async throws {
    let store = try await harness.make(StoreOptions())
    try await store.publish("a", count: 6)
    try await store.publish("b")
    var reader = try await store.reader(since: 0, "a", "b")
    #expect(try await reader.page(messages: 2) == [.message("a", 1), .message("a", 2)])
    try await store.erase("a")
    #expect(try await reader.all() == [.gap("a", after: 2, through: 6, seq: 6, .deleted), .message("b", 7)])
    try await store.publish("a", count: 2)
    try await store.erase("a")
    try await store.erase("a")
    #expect(try await reader.all() == [.gap("a", after: 7, through: 9, seq: 8, .deleted)])
  }

  @Test(arguments: StoreHarness.all)
  func `a page that ends inside what is erased has told of what lies below its end`(
    harness: StoreHarness
  ) async throws {
    let store = try await harness.make(StoreOptions())
    try await store.publish("a", count: 4)
    try await store.erase("a")
    var reader = try await store.reader(since: 0, "a")
    #expect(try await reader.page(through: 2) == [.gap("a", after: 0, through: 2, seq: 2, .deleted)])
    #expect(reader.position == 2)
    #expect(try await reader.all() == [.gap("a", after: 2, through: 4, seq: 4, .deleted)])
  }

  @Test func `a forgotten topic's messages on the tape are erased too`() async throws {
    let ledger = MemoryLedger()
    var settings = StoreSettings()
    settings.memoryBytes = 100_000
    let clock = ManualClock()
    let memory = MemoryStore(settings: settings, epoch: Epoch("e1")!, ledger: ledger) { clock.now }
    let store = TestStore(store: memory, clock: clock)
    try await store.publish("a")
    let pinned = CachedBytes([UInt8](repeating: 0, count: 200_000), in: ledger)
    memory.sweep()
    #expect(memory.statistics().forgottenTopics == 1 && pinned.bytes.count == ledger.cached)
    var reader = try await store.reader(since: 0, "a")
    #expect(try await reader.all() == [.message("a", 1)])
    try await store.erase("a")
    reader = try await store.reader(since: 0, "a")
    #expect(try await reader.all() == [.gap("a", after: 0, through: 1, seq: 1, .deleted)])
  }
}
