/// One topic or pattern a subscriber wants, and from where.
package struct Subscription: Sendable, Equatable {
  package var pattern: TopicPattern
  /// Messages at or below it are not wanted.
  package var from: Offset
  /// While reading is taken back: what this subscription has already been sent, up to here. 0 otherwise.
  package var through: Offset = 0
  /// Where single topics begin instead of at `from`: a rewind's last n of each topic.
  package var starts: [TopicName: Offset]?
  /// Losses up to this value of the store's loss clock are not announced: `earliest` and `rewind` begin with what is
  /// held.
  package var forgiven: UInt64

  package init(
    _ pattern: TopicPattern, from: Offset, starts: [TopicName: Offset]? = nil, forgiven: UInt64 = 0
  ) {
    self.pattern = pattern
    self.from = from
    self.starts = starts
    self.forgiven = forgiven
  }

  package func from(_ topic: TopicName) -> Offset { starts?[topic] ?? from }

  /// Beyond which offset this subscription still needs `topic`, for a reader at `position`.
  package func needs(_ topic: TopicName, after position: Offset) -> Offset {
    max(position, from(topic), through)
  }

  /// Beyond which offset it needs anything at all.
  package func needs(after position: Offset) -> Offset {
    max(position, starts?.values.min().map { min($0, from) } ?? from, through)
  }
}

/// A subscriber's subscriptions, and the rule that sends a message to it once (protocol section 4,
/// "Subscribing later").
package struct SubscriptionSet: Sendable {
  package private(set) var list: [Subscription] = []
  private var exact: [TopicName: [Int]] = [:]
  private var patterns: [Int] = []
  /// Whether anything may be covered.
  private var isTakenBack = false

  package init(_ subscriptions: [Subscription] = []) {
    for subscription in subscriptions { add(subscription) }
  }

  package var isEmpty: Bool { list.isEmpty }
  package var count: Int { list.count }
  package var patternCount: Int { patterns.count }
  package var exactTopics: some Collection<TopicName> { exact.keys }

  package mutating func add(_ subscription: Subscription) {
    if let topic = subscription.pattern.exact {
      exact[topic, default: []].append(list.count)
    } else {
      patterns.append(list.count)
    }
    list.append(subscription)
    if subscription.through > 0 { isTakenBack = true }
  }

  /// - Returns: those of the patterns that were subscribed.
  @discardableResult
  package mutating func remove(_ patterns: Set<TopicPattern>) -> Set<TopicPattern> {
    let found = patterns.filter(contains)
    if !found.isEmpty { self = SubscriptionSet(list.filter { !found.contains($0.pattern) }) }
    return found
  }

  /// Whether any subscription matches, wherever it begins.
  package func matches(_ topic: TopicName) -> Bool {
    exact[topic] != nil || patterns.contains { list[$0].pattern.matches(topic) }
  }

  /// The highest offset at which a subscription begins: until the reader's loop has come that far, it waits.
  package var latestStart: Offset { list.lazy.map(\.from).max() ?? 0 }

  package func contains(_ pattern: TopicPattern) -> Bool {
    if let topic = pattern.exact { return exact[topic] != nil }
    return patterns.contains { list[$0].pattern == pattern }
  }

  /// Calls `body` with the index of each subscription that matches `topic`, until it returns false.
  @inline(__always)
  package func forEachMatch(_ topic: TopicName, _ body: (Int) -> Bool) {
    if !exact.isEmpty, let indices = exact[topic] {
      for index in indices where !body(index) { return }
    }
    for index in patterns where list[index].pattern.matches(topic) && !body(index) { return }
  }

  /// Whether the message at `offset` is to be sent: some matching subscription begins before it, and none has
  /// already covered it.
  package func wants(_ topic: TopicName, at offset: Offset) -> Bool {
    var wanted = false
    forEachMatch(topic) { index in
      let subscription = list[index]
      guard subscription.from(topic) < offset else { return true }
      wanted = offset > subscription.through
      return wanted
    }
    return wanted
  }

  /// What the subscription at `index` still lacks of a topic whose messages up to `lost` can no longer be had: not what
  /// another subscription already brought, or will announce itself.
  ///
  /// - Returns: nil if nothing is missing.
  package func missing(
    _ topic: TopicName, of index: Int, after position: Offset, lost: Offset
  ) -> (after: Offset, through: Offset)? {
    var after = list[index].needs(topic, after: position)
    var through = lost
    guard isTakenBack else { return after < through ? (after, through) : nil }
    var others: [Subscription] = []
    forEachMatch(topic) { other in
      if other != index, list[other].through > list[other].from(topic) { others.append(list[other]) }
      return true
    }
    others.sort { $0.from(topic) < $1.from(topic) }
    for other in others {
      if other.from(topic) <= after {
        after = max(after, other.through)
      } else {
        through = min(through, other.from(topic))
      }
    }
    return after < through ? (after, through) : nil
  }

  /// Reading goes back below `position`: what was wanted so far is covered up to there.
  package mutating func takeBack(from position: Offset) {
    for index in list.indices { list[index].through = max(list[index].through, position) }
    isTakenBack = true
  }

  /// The reader has caught up with everything: beginnings and coverings no longer matter, and a pattern subscribed
  /// twice is one subscription again, which begins where the earlier of the two did.
  package mutating func settle(at position: Offset) {
    var indices: [TopicPattern: Int] = [:]
    var settled: [Subscription] = []
    for subscription in list {
      // What a rewind of a pattern brought differs from topic to topic and is not remembered.
      let from = min(position, subscription.pattern.exact.map(subscription.from) ?? subscription.from)
      if let index = indices[subscription.pattern] {
        settled[index].from = min(settled[index].from, from)
      } else {
        indices[subscription.pattern] = settled.count
        settled.append(Subscription(subscription.pattern, from: from))
      }
    }
    self = SubscriptionSet(settled)
  }

  /// Whether `settle` would change anything that costs memory or time.
  package var isUnsettled: Bool { list.contains { $0.through != 0 || $0.starts != nil || $0.forgiven != 0 } }
}
