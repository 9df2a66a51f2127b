import StreamLog
import StreamStores
import Testing
import WireFormat

/// What every store does with what is published (protocol section 6).
@Suite(.timeLimit(.minutes(10))) struct PublishingContractTests {
  @Test(arguments: StoreHarness.all)
  func `offsets number the log and seqs each topic, without holes`(harness: StoreHarness) async throws {
    let store = try await harness.make(StoreOptions())
    var ids: [Published] = []
    for topic in ["a", "b", "a", "a", "b"] { ids.append(try #require(try await store.publish(topic).published)) }
    #expect(ids.map(\.id.offset) == [1, 2, 3, 4, 5])
    #expect(ids.map(\.seq) == [1, 1, 2, 3, 2])
    #expect(Set(ids.map(\.id.epoch)) == [store.store.tape.lineage.current])
    #expect(store.store.tape.head == 5)
  }

  @Test(arguments: StoreHarness.all)
  func `a message to several topics commits whole, with an id in each`(harness: StoreHarness) async throws {
    let store = try await harness.make(StoreOptions())
    try await store.publish("b")
    guard case .committed(let published) = try await store.publish("a", "b", "c") else {
      Issue.record("refused")
      return
    }
    #expect(published.map(\.topic.string) == ["a", "b", "c"])
    #expect(published.map(\.id.offset) == [2, 3, 4])
    #expect(published.map(\.seq) == [1, 2, 1])
  }

  @Test(arguments: StoreHarness.all)
  func `a batch commits in order, and a refused item touches no other`(harness: StoreHarness) async throws {
    let store = try await harness.make(StoreOptions())
    let outcomes = await store.append([
      try .test(["a"]), try .test(["a"], ifLast: .neverPublished), try .test(["b"]),
      try .test(["a"], ifLast: .lastIs("e1-1")),
      try .test(["a"], ifLast: .lastIs("e1-1")),
    ])
    #expect(outcomes.map { $0.published?.id.offset } == [1, nil, 2, 3, nil])
    let reader = try await store.reader(since: 0, "a", "b")
    var all = reader
    #expect(try await all.all() == [.message("a", 1), .message("b", 2), .message("a", 3)])
  }

  @Test(arguments: StoreHarness.all)
  func `a message is kept as it was given`(harness: StoreHarness) async throws {
    let store = try await harness.make(StoreOptions())
    let draft = MessageDraft(event: "created", kind: .json, data: Array(#"{"total":12}"#.utf8))
    _ = await store.append([PublishItem(topics: [try TopicName("orders.42")], draft: draft)])
    let page = try await store.read(
      ReadRequest(
        subscriptions: SubscriptionSet([Subscription(try TopicPattern("orders.42"), from: 0)]), after: 0, through: 1,
        maxMessages: 1, maxBytes: 1000, memory: ReadMemory(began: 0)))
    guard case .message(let message) = page.items.first else {
      Issue.record("no message")
      return
    }
    let id = store.store.tape.lineage.position(1)
    #expect(
      String(decoding: message.encoded, as: UTF8.self)
        == #"{"id":"\#(id)","topic":"orders.42","seq":1,"time":1000000,"event":"created","data":{"total":12}}"#)
    #expect(message.time == store.clock.now.wall)
  }

  // MARK: Keys

  @Test(arguments: StoreHarness.all)
  func `an equal key gets the first success again until its window ends`(harness: StoreHarness) async throws {
    var options = StoreOptions()
    options.idempotencyWindowNanoseconds = 1_000_000_000
    let store = try await harness.make(options)
    let first = try await store.publish("a", "b", key: "k")
    guard case .committed(let published) = first else {
      Issue.record("\(first)")
      return
    }
    store.clock.advance(milliseconds: 999)
    #expect(try await store.publish("a", "b", key: "k") == .repeated(published))
    #expect(store.store.tape.head == 2)
    store.clock.advance(milliseconds: 1)
    #expect(try await store.publish("a", "b", key: "k").published?.id.offset == 3)
  }

  @Test(arguments: StoreHarness.all)
  func `a key belongs to its publisher and topic`(harness: StoreHarness) async throws {
    let store = try await harness.make(StoreOptions())
    try await store.publish("a", key: "k")
    #expect(try await store.publish("b", key: "k").published?.id.offset == 2)
    #expect(try await store.publish("a", key: "k", publisher: "q").published?.id.offset == 3)
    #expect(try await store.publish("a", "c", key: "k").refusal == .keyReused(topic: try TopicName("a")))
    #expect(try await store.summary("c") == nil)
  }

  @Test(arguments: StoreHarness.all)
  func `two equal keys in one batch commit once`(harness: StoreHarness) async throws {
    let store = try await harness.make(StoreOptions())
    let outcomes = await store.append([try .test(["a"], key: "k"), try .test(["a"], key: "k")])
    let published = [Published(topic: try TopicName("a"), id: store.store.tape.lineage.position(1), seq: 1)]
    #expect(outcomes == [.committed(published), .repeated(published)])
  }

  @Test(arguments: StoreHarness.all)
  func `a full key table refuses keyed publishes alone, and knows the keys it has`(harness: StoreHarness) async throws {
    var options = StoreOptions()
    options.idempotencyKeys = 3
    let store = try await harness.make(options)
    try await store.publish("a", "b", key: "1")
    #expect(try await store.publish("a", "b", key: "2").refusal == .keyTableFull(limit: 3))
    #expect(try await store.publish("a", key: "3").published?.id.offset == 3)
    #expect(try await store.publish("a", key: "4").refusal == .keyTableFull(limit: 3))
    #expect(try await store.publish("a", key: "3").published?.id.offset == 3)
    #expect(try await store.publish("a").published?.id.offset == 4)
    #expect(store.store.statistics().idempotencyKeys == 3)
  }

  @Test(arguments: StoreHarness.all)
  func `a refused publish is not remembered, and a key is looked up before conditions`(
    harness: StoreHarness
  ) async throws {
    let store = try await harness.make(StoreOptions())
    #expect(try await store.publish("a", key: "k", ifLast: .lastIs("e1-9")).refusal != nil)
    let first = try await store.publish("a", key: "k", ifLast: .neverPublished)
    #expect(first.published?.id.offset == 1)
    // The condition no longer holds, but this already happened.
    #expect(try await store.publish("a", key: "k", ifLast: .neverPublished).published?.id.offset == 1)
    #expect(store.store.tape.head == 1)
  }

  // MARK: Conditions

  @Test(arguments: StoreHarness.all)
  func `a condition on the last id holds for held and dropped messages and nothing else`(
    harness: StoreHarness
  ) async throws {
    let store = try await harness.make(.keeping(0))
    let first = try #require(try await store.publish("a").published)
    try await store.publish("b")
    let current = StoreRefusal.preconditionFailed(topic: try TopicName("a"), current: first.id)
    for wrong in ["e1-2", "e2-1", "e1-01", "", "nonsense", "*"] {
      #expect(try await store.publish("a", ifLast: .lastIs(wrong)).refusal == current, "\(wrong)")
    }
    #expect(try await store.publish("a", ifLast: .lastIs(first.id.description)).published?.seq == 2)
    #expect(
      try await store.publish("c", ifLast: .lastIs("e1-1")).refusal
        == .preconditionFailed(topic: try TopicName("c"), current: nil))
  }

  @Test(arguments: StoreHarness.all)
  func `never published means no message ever, held or not`(harness: StoreHarness) async throws {
    let store = try await harness.make(.keeping(0))
    let id = try #require(try await store.publish("a", ifLast: .neverPublished).published?.id)
    let refusal = StoreRefusal.preconditionFailed(topic: try TopicName("a"), current: id)
    #expect(try await store.publish("a", ifLast: .neverPublished).refusal == refusal)
    try await store.erase("a")
    #expect(try await store.publish("a", ifLast: .neverPublished).refusal == refusal)
  }

  // MARK: Many at once

  @Test(arguments: StoreHarness.all)
  func `publishers at once get seqs without holes and one order on the tape`(harness: StoreHarness) async throws {
    let store = try await harness.make(StoreOptions())
    let outcomes = try await withThrowingTaskGroup(of: [Published].self) { group in
      for task in 0..<16 {
        group.addTask {
          var published: [Published] = []
          for index in 0..<100 {
            let one = try await store.publish("t.\((index * 7 + task) % 100)")
            if let one = one.published { published.append(one) }
          }
          return published
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(outcomes.map(\.id.offset).sorted() == Array(1...1600))
    for (topic, published) in Dictionary(grouping: outcomes, by: \.topic) {
      let ordered = published.sorted { $0.id.offset < $1.id.offset }
      #expect(ordered.map(\.seq) == Array(1...UInt64(published.count)), "\(topic)")
    }
    guard case .entries(let entries, let head) = store.store.tape.run(after: 0, limit: .max) else {
      Issue.record("the tape lost its beginning")
      return
    }
    #expect(head == 1600 && entries.map(\.offset) == Array(1...1600))
  }
}
