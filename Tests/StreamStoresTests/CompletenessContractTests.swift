import StreamLog
import StreamStores
import Testing
import WireFormat

/// Where readers begin, and that what they miss is announced: no more, no less (protocol sections 1, 3 and 4).
@Suite(.timeLimit(.minutes(10))) struct CompletenessContractTests {
  // MARK: Beginning

  @Test(arguments: StoreHarness.all)
  func `a position of this log is where its reader begins`(harness: StoreHarness) async throws {
    let store = try await harness.make(StoreOptions())
    try await store.publish("a", count: 3)
    for offset in Offset(0)...3 {
      let start = try await store.resolve(.since(store.store.tape.lineage.position(offset).description), "a", "b.*")
      #expect(start.offset == offset && start.gap == nil)
      #expect(start.subscriptions.map(\.from) == [offset, offset])
    }
  }

  @Test(arguments: StoreHarness.all)
  func `a position beyond the head gets an epoch gap and goes on from the head`(harness: StoreHarness) async throws {
    let store = try await harness.make(StoreOptions())
    try await store.publish("a", count: 3)
    let lineage = store.store.tape.lineage
    let start = try await store.resolve(.since(lineage.position(9).description), "a")
    #expect(start.offset == 3)
    #expect(
      start.gap
        == Gap(topic: nil, after: lineage.position(9), through: lineage.position(3), seq: nil, reason: .epoch))
  }

  @Test(arguments: StoreHarness.all)
  func `a position of no log known here gets an epoch gap and goes on with the oldest held`(
    harness: StoreHarness
  ) async throws {
    let store = try await harness.make(.keeping(2))
    try await store.publish("b")
    try await store.publish("a", count: 5)
    for text in ["zzz-3", "", "-", "e1-", "e1-x", "e1--1", "e1-99999999999999999999", "💥"] {
      let start = try await store.resolve(.since(text), "a")
      #expect(start.offset == 4, "\(text)")
      #expect(start.gap?.after == nil && start.gap?.reason == .epoch && start.gap?.through.offset == 4)
      var reader = TestReader(store, start)
      #expect(try await reader.all() == [.message("a", 5), .message("a", 6)])
    }
  }

  /// The epoch gap stands at the oldest held message of all topics: what is lost above it has to be announced too.
  @Test(arguments: StoreHarness.all)
  func `a reader of an unknown log is told what is lost above where it begins`(harness: StoreHarness) async throws {
    let store = try await harness.make(.keeping(1, tapeEntries: 1))
    try await store.publish("b")
    try await store.publish("a", count: 3)
    var reader = try await store.reader(.since("other-1"), "a", "b")
    #expect(
      try await reader.all()
        == [.message("b", 1), .gap("a", after: 0, through: 3, seq: 2, .expired), .message("a", 4)])
  }

  @Test(arguments: StoreHarness.all)
  func `earliest begins with the oldest held, without a gap`(harness: StoreHarness) async throws {
    let store = try await harness.make(.keeping(1, tapeEntries: 1))
    try await store.publish("b")
    try await store.publish("a", count: 3)
    for patterns in [["a", "b"], [">"]] {
      var reader = TestReader(store, try await store.resolve(.earliest, try patterns.map { try TopicPattern($0) }))
      #expect(try await reader.all() == [.message("b", 1), .message("a", 4)])
    }
    let nothing = try await store.resolve(.earliest, "c")
    #expect(nothing.offset == 4 && nothing.gap == nil)
  }

  @Test(arguments: StoreHarness.all, [0, 1, 2, 99])
  func `a rewind begins with the last n held of each topic`(harness: StoreHarness, count: Int) async throws {
    let store = try await harness.make(.keeping(3, tapeEntries: 2))
    for topic in ["a.1", "a.1", "b", "a.2", "a.1", "a.1", "a.2", "c"] { try await store.publish(topic) }
    var exact = try await store.reader(.rewind(count), "a.1", "a.2", "x")
    var pattern = try await store.reader(.rewind(count), "a.*")
    let expected: [Offset] = [0: [], 1: [6, 7], 2: [4, 5, 6, 7]][count] ?? [2, 4, 5, 6, 7]
    #expect(try await exact.all().map(\.offset) == expected)
    #expect(try await pattern.all().map(\.offset) == expected)
    try await store.publish("a.2")
    #expect(try await exact.all() == [.message("a.2", 9)])
    #expect(try await pattern.all() == [.message("a.2", 9)])
  }

  @Test(arguments: StoreHarness.all)
  func `a rewind over too many topics is refused`(harness: StoreHarness) async throws {
    var options = StoreOptions()
    options.rewindTopics = 3
    let store = try await harness.make(options)
    for index in 0..<4 { try await store.publish("a.\(index)") }
    await #expect(throws: StoreRefusal.tooManyTopicsToRewind(limit: 3)) { try await store.resolve(.rewind(1), "a.*") }
    _ = try await store.resolve(.rewind(1), "a.0", "a.1", "a.2")
  }

  // MARK: Completeness

  @Test(arguments: StoreHarness.all, ["q", "q.*"])
  func `a topic that was idle while others moved very many messages has no gap`(
    harness: StoreHarness, pattern: String
  ) async throws {
    let store = try await harness.make(.keeping(1, tapeEntries: 64))
    let topic = pattern == "q" ? "q" : "q.1"
    try await store.publish(topic)
    try await store.publish("busy", count: harness.many)
    let head = Offset(harness.many) + 1
    // Its last message is at 1: readers from there and from anywhere later are complete.
    for since in [Offset(1), 2, head / 2] {
      var reader = try await store.reader(since: since, pattern)
      #expect(try await reader.all() == [])
      #expect(reader.position == head)
    }
    try await store.publish(topic)
    var reader = try await store.reader(since: 1, pattern)
    #expect(try await reader.all() == [.message(topic, head + 1)])
    reader = try await store.reader(since: 0, pattern)
    let seq: UInt64? = pattern == "q" ? 1 : nil
    #expect(
      try await reader.all() == [.gap(pattern, after: 0, through: 1, seq: seq, .expired), .message(topic, head + 1)])
  }

  @Test(arguments: StoreHarness.all, [4, 8192])
  func `topics made after the position are complete`(harness: StoreHarness, tape: Int) async throws {
    let store = try await harness.make(.keeping(10, tapeEntries: tape))
    try await store.publish("b", count: 20)
    for topic in ["n.1", "n.2", "n.1", "b", "b", "b", "b", "b"] { try await store.publish(topic) }
    var reader = try await store.reader(since: 15, "n.1", "n.*")
    #expect(try await reader.all() == [.message("n.1", 21), .message("n.2", 22), .message("n.1", 23)])
  }

  @Test func `a forgotten topic made again tells readers from before of a gap and later ones of none`() async throws {
    let ledger = MemoryLedger()
    var settings = StoreSettings()
    settings.memoryBytes = 100_000
    settings.tapeEntries = 1
    let clock = ManualClock()
    let memory = MemoryStore(settings: settings, epoch: Epoch("e1")!, ledger: ledger) { clock.now }
    let store = TestStore(store: memory, clock: clock)
    try await store.publish("a", count: 3)
    var rewound = try await store.reader(.rewind(2), "a")
    var pinned: CachedBytes? = CachedBytes([UInt8](repeating: 0, count: 200_000), in: ledger)
    memory.sweep()
    #expect(memory.statistics().topics == 0 && pinned != nil)
    // What a rewind was promised and lost meanwhile is announced.
    #expect(try await rewound.all() == [.gap("a", after: 1, through: 2, seq: nil, .slow), .message("a", 3)])
    pinned = nil
    #expect(try await store.publish("a").published?.seq == 1)
    try await store.publish("b")
    var before = try await store.reader(since: 2, "a")
    #expect(try await before.all() == [.gap("a", after: 2, through: 3, seq: nil, .expired), .message("a", 4)])
    var after = try await store.reader(since: 3, "a")
    #expect(try await after.all() == [.message("a", 4)])
    var other = try await store.reader(since: 0, "c")
    #expect(try await other.all() == [])
    var pattern = try await store.reader(since: 1, "z.*")
    #expect(try await pattern.all() == [.gap("z.*", after: 1, through: 3, seq: nil, .expired)])
  }

  @Test(arguments: StoreHarness.all)
  func `a loss that goes on above the tape's floor is told as far as the floor, then the tape is served`(
    harness: StoreHarness
  ) async throws {
    let store = try await harness.make(.keeping(1, tapeEntries: 4))
    // The tape has 5...8; of a only 8 is held in its history.
    for topic in ["a", "a", "b", "c", "a", "a", "b", "a"] { try await store.publish(topic) }
    var reader = try await store.reader(since: 0, "a", "c")
    let told = try await reader.all()
    #expect(
      told == [
        .gap("a", after: 0, through: 2, seq: 2, .expired), .message("c", 4), .message("a", 5), .message("a", 6),
        .message("a", 8),
      ])
    // One whose position lies between the lost and the floor misses nothing.
    reader = try await store.reader(since: 2, "a")
    #expect(try await reader.all() == [.message("a", 5), .message("a", 6), .message("a", 8)])
  }

  /// A reader's loop may lag behind the tape: a page that ends below the floor cannot see where in the loss it ends.
  @Test(arguments: StoreHarness.all)
  func `a page that ends inside a loss leaves none of it unsaid`(harness: StoreHarness) async throws {
    let store = try await harness.make(.keeping(1, tapeEntries: 2))
    try await store.publish("a", "b", "b")
    for topic in ["a", "c", "c", "a", "c", "c", "c"] { try await store.publish(topic) }
    var reader = try await store.reader(since: 0, "a")
    #expect(try await reader.page(through: 3) == [.gap("a", after: 0, through: 3, seq: nil, .expired)])
    #expect(try await reader.all() == [.gap("a", after: 3, through: 4, seq: 2, .expired), .message("a", 7)])
  }

  @Test(arguments: StoreHarness.all, [1, 2, 1000])
  func `gaps stand in id order between messages, and keep where they begin from page to page`(
    harness: StoreHarness, size: Int
  ) async throws {
    let store = try await harness.make(.keeping(2, tapeEntries: 1))
    for topic in ["a", "b", "c", "a", "a", "b", "a", "c", "x"] { try await store.publish(topic) }
    // a: 5 and 7 held, lost through 4; b and c: all held.
    var reader = try await store.reader(since: 0, "a", "b", "c")
    #expect(
      try await reader.all(messages: size) == [
        .message("b", 2), .message("c", 3), .gap("a", after: 0, through: 4, seq: 2, .expired), .message("a", 5),
        .message("b", 6), .message("a", 7), .message("c", 8),
      ])
  }

  @Test(arguments: StoreHarness.all)
  func `what was lost before a reader began is expired, and what it was too slow for is slow`(
    harness: StoreHarness
  ) async throws {
    let store = try await harness.make(.keeping(1, tapeEntries: 1))
    try await store.publish("a", count: 2)
    try await store.publish("b")
    var early = try await store.reader(since: 0, "a", "b")
    var slow = try await store.reader(since: 0, "b")
    #expect(
      try await early.all() == [.gap("a", after: 0, through: 1, seq: 1, .expired), .message("a", 2), .message("b", 3)])
    try await store.publish("b", count: 2)
    #expect(try await slow.all() == [.gap("b", after: 0, through: 4, seq: 2, .slow), .message("b", 5)])
  }

  @Test(arguments: StoreHarness.all, [ReadStart.earliest, .rewind(2)])
  func `earliest and rewind are told of what is lost while they read`(
    harness: StoreHarness, start: ReadStart
  ) async throws {
    for pattern in [">", "a"] {
      let store = try await harness.make(.keeping(2, tapeEntries: 1))
      for topic in ["a", "a", "b", "a", "b", "x"] { try await store.publish(topic) }
      var reader = try await store.reader(start, pattern)
      #expect(try await reader.page(messages: 1) == [.message("a", 2)])
      try await store.publish("a", count: 2)
      let told = try await reader.all()
      let seq: UInt64? = pattern == "a" ? 3 : nil
      #expect(told.contains(.gap(pattern, after: 2, through: 4, seq: seq, .slow)), "\(told)")
      #expect(told.filter { if case .gap = $0 { true } else { false } }.count == 1)
    }
  }

  /// Found by the model: a rewind's topics begin at different offsets, and a gap carried from page to page for one of
  /// them used to hide where an earlier loss of another began.
  @Test(arguments: StoreHarness.all)
  func `a pattern's gap begins where the first of its losses does`(harness: StoreHarness) async throws {
    let store = try await harness.make(.keeping(2, tapeEntries: 1))
    for topic in ["p.1", "p.1", "p.3", "p.2", "p.2", "p.2", "x"] { try await store.publish(topic) }
    var reader = try await store.reader(since: 0, "p.*")
    let starts = [try TopicName("p.1"): Offset(0), try TopicName("p.2"): 4]
    reader.subscriptions = SubscriptionSet([Subscription(try TopicPattern("p.*"), from: 7, starts: starts)])
    try await store.publish("p.2")
    #expect(try await reader.page(messages: 1) == [.message("p.1", 1)])
    #expect(reader.memory.outstanding == [0: 4])
    try await store.publish("p.1", count: 2)
    let told = try await reader.all()
    #expect(told.first == .gap("p.*", after: 1, through: 5, seq: nil, .slow))
    #expect(told.dropFirst().map(\.offset) == [6, 8, 9, 10])
  }

  @Test(arguments: StoreHarness.all)
  func `a gap of a subscription added later spans nothing that another one brought`(
    harness: StoreHarness
  ) async throws {
    let store = try await harness.make(.keeping(1, tapeEntries: 1))
    try await store.publish("a", count: 4)
    // The reader heard a from 2 to 4, then asks for it from 0 and goes back.
    var reader = try await store.reader(since: 2, "a")
    reader.position = 4
    reader.subscriptions.takeBack(from: 4)
    reader.subscriptions.add(Subscription(try TopicPattern("a"), from: 0))
    reader.position = 0
    try await store.publish("a")
    try await store.publish("a")
    let told = try await reader.all()
    #expect(told.first == .gap("a", after: 0, through: 2, seq: nil, .slow))
    #expect(told.last == .message("a", 6))
    #expect(told.dropFirst().dropLast().allSatisfy { $0 == .gap("a", after: 4, through: 5, seq: 5, .slow) })
  }
}
