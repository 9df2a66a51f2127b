import StreamLog
import Testing

/// The rule that sends a message to a subscriber once (protocol section 4, "Subscribing later").
@Suite struct SubscriptionSetTests {
  private func subscription(
    _ pattern: String, from: Offset, through: Offset = 0, starts: [String: Offset]? = nil
  ) throws -> Subscription {
    var subscription = Subscription(
      try TopicPattern(pattern), from: from,
      starts: try starts.map { Dictionary(uniqueKeysWithValues: try $0.map { (try TopicName($0), $1) }) })
    subscription.through = through
    return subscription
  }

  @Test(
    arguments: [
      // One subscription from 10.
      ([("a", 10, 0)], 10, false), ([("a", 10, 0)], 11, true),
      // It has covered up to 20.
      ([("a", 10, 20)], 11, false), ([("a", 10, 20)], 20, false), ([("a", 10, 20)], 21, true),
      // An older one was added: it brings what lies before the first, and nothing twice.
      ([("a", 10, 20), ("a", 5, 0)], 5, false), ([("a", 10, 20), ("a", 5, 0)], 6, true),
      ([("a", 10, 20), ("a", 5, 0)], 10, true), ([("a", 10, 20), ("a", 5, 0)], 11, false),
      ([("a", 10, 20), ("a", 5, 0)], 20, false), ([("a", 10, 20), ("a", 5, 0)], 21, true),
      // The same with patterns, whichever came first.
      ([("*", 10, 20), ("a", 5, 0)], 11, false), ([("a", 5, 0), ("*", 10, 20)], 11, false),
      ([("a", 5, 0), ("*", 10, 20)], 6, true),
      // Taken back twice: one covered (5, 12], the other (10, 20].
      ([("a", 10, 20), ("a", 5, 12), ("a", 1, 0)], 4, true), ([("a", 10, 20), ("a", 5, 12), ("a", 1, 0)], 12, false),
      ([("a", 10, 20), ("a", 5, 12), ("a", 1, 0)], 13, false), ([("a", 10, 20), ("a", 5, 12), ("a", 1, 0)], 21, true),
      // Subscriptions of other topics say nothing.
      ([("b", 0, 99)], 50, false), ([("b", 0, 99), ("a", 0, 0)], 50, true), ([], 1, false),
    ] as [([(String, Offset, Offset)], Offset, Bool)])
  func `a message is wanted if a subscription begins before it and none has covered it`(
    list: [(String, Offset, Offset)], offset: Offset, isWanted: Bool
  ) throws {
    let set = SubscriptionSet(try list.map { try subscription($0, from: $1, through: $2) })
    #expect(set.wants(try TopicName("a"), at: offset) == isWanted)
  }

  @Test func `a rewind begins differently in each topic`() throws {
    let set = SubscriptionSet([try subscription("*", from: 10, starts: ["a": 3, "b": 7])])
    let (a, b, c) = (try TopicName("a"), try TopicName("b"), try TopicName("c"))
    #expect(!set.wants(a, at: 3) && set.wants(a, at: 4))
    #expect(!set.wants(b, at: 7) && set.wants(b, at: 8))
    #expect(!set.wants(c, at: 10) && set.wants(c, at: 11))
    #expect(set.list[0].needs(after: 0) == 3 && set.list[0].needs(after: 5) == 5)
    #expect(set.list[0].needs(b, after: 0) == 7)
    #expect(set.latestStart == 10)
  }

  @Test func `reading taken back covers what every subscription had, and never less`() throws {
    var set = SubscriptionSet([try subscription("a", from: 0), try subscription("b", from: 5, through: 30)])
    set.takeBack(from: 20)
    #expect(set.list.map(\.through) == [20, 30])
    set.add(try subscription("c", from: 2))
    #expect(set.list.map(\.through) == [20, 30, 0])
    #expect(set.isUnsettled)
  }

  @Test func `settled subscriptions are one for each pattern, from where the earliest began`() throws {
    var set = SubscriptionSet([
      try subscription("a", from: 10, through: 20), try subscription("*", from: 30, starts: ["a": 3]),
      try subscription("a", from: 5), try subscription("b", from: 40, starts: ["b": 7]),
    ])
    set.settle(at: 30)
    #expect(set.list.map(\.pattern.string) == ["a", "*", "b"])
    #expect(set.list.map(\.from) == [5, 30, 7])
    #expect(!set.isUnsettled)
    #expect(set.wants(try TopicName("a"), at: 31))
  }

  @Test func `removing a pattern removes it however often it was subscribed, and nothing else`() throws {
    var set = SubscriptionSet([
      try subscription("a", from: 1), try subscription("a.*", from: 2), try subscription("a", from: 3),
    ])
    let pattern = try TopicPattern("a")
    #expect(set.contains(pattern) && set.patternCount == 1)
    let removed = (set.remove([pattern]), set.remove([pattern]))
    #expect(removed == ([pattern], []))
    #expect(set.list.map(\.pattern.string) == ["a.*"])
    let (gone, kept) = (try TopicName("a"), try TopicName("a.b"))
    #expect(!set.matches(gone) && set.matches(kept))
    set.remove([try TopicPattern("a.*")])
    #expect(set.isEmpty && set.patternCount == 0)
  }

  @Test func `what is missing is not what another subscription brought or will tell of itself`() throws {
    let set = SubscriptionSet([try subscription("a", from: 50, through: 100), try subscription("a", from: 10)])
    let topic = try TopicName("a")
    func missing(_ index: Int, after: Offset, lost: Offset) -> [Offset] {
      set.missing(topic, of: index, after: after, lost: lost).map { [$0.after, $0.through] } ?? []
    }
    #expect(missing(1, after: 10, lost: 40) == [10, 40])
    #expect(missing(1, after: 10, lost: 60) == [10, 50])
    #expect(missing(1, after: 10, lost: 120) == [10, 50])
    #expect(missing(1, after: 60, lost: 90) == [])
    #expect(missing(1, after: 60, lost: 120) == [100, 120])
    #expect(missing(0, after: 10, lost: 90) == [])
    #expect(missing(0, after: 10, lost: 120) == [100, 120])
  }
}
