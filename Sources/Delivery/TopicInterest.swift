import StreamLog

/// Who on this loop takes a topic: slots, each once. Patterns are matched once per topic and cached.
struct TopicInterest {
  final class Takers {
    var slots: ContiguousArray<Int32> = []
    /// Subscriptions to this very topic; without any, the entry is only a cache.
    var exactSubscriptions = 0
  }

  /// Most topics cached for patterns alone.
  static let cachedTopics = 65_536

  private var byTopic: [TopicName: Takers] = [:]
  private var patterns: [TopicPattern: ContiguousArray<Int32>] = [:]

  /// - Returns: nil if nobody here takes the topic.
  mutating func takers(of topic: TopicName) -> Takers? {
    if let takers = byTopic[topic] { return takers.slots.isEmpty ? nil : takers }
    guard !patterns.isEmpty else { return nil }
    let takers = make(topic)
    return takers.slots.isEmpty ? nil : takers
  }

  private mutating func make(_ topic: TopicName) -> Takers {
    if byTopic.count >= Self.cachedTopics { byTopic = byTopic.filter { $0.value.exactSubscriptions > 0 } }
    let takers = Takers()
    var seen: Set<Int32> = []
    for (pattern, slots) in patterns where pattern.matches(topic) {
      for slot in slots where seen.insert(slot).inserted { takers.slots.append(slot) }
    }
    byTopic[topic] = takers
    return takers
  }

  /// - Parameter before: the subscriber's subscriptions without this one: what it takes already it is not added to
  ///   again.
  mutating func add(_ slot: Int32, _ pattern: TopicPattern, before: SubscriptionSet) {
    if let topic = pattern.exact {
      let takers = byTopic[topic] ?? make(topic)
      takers.exactSubscriptions += 1
      if !before.matches(topic) { takers.slots.append(slot) }
    } else {
      if !before.contains(pattern) { patterns[pattern, default: []].append(slot) }
      for (topic, takers) in byTopic where pattern.matches(topic) && !before.matches(topic) {
        takers.slots.append(slot)
      }
    }
  }

  /// - Parameter after: the subscriber's subscriptions without the pattern.
  /// - Parameter count: how many subscriptions of that pattern it had.
  mutating func remove(_ slot: Int32, _ pattern: TopicPattern, count: Int, after: SubscriptionSet) {
    if let topic = pattern.exact {
      guard let takers = byTopic[topic] else { return }
      takers.exactSubscriptions -= count
      if !after.matches(topic) { takers.slots.removeSlot(slot) }
      if takers.exactSubscriptions == 0, takers.slots.isEmpty { byTopic[topic] = nil }
    } else {
      if !after.contains(pattern) { patterns[pattern]?.removeSlot(slot) }
      if patterns[pattern]?.isEmpty == true { patterns[pattern] = nil }
      for (topic, takers) in byTopic where pattern.matches(topic) && !after.matches(topic) {
        takers.slots.removeSlot(slot)
      }
    }
  }

  /// How many subscribers here take a topic or pattern by that very name.
  func subscribers(of topic: TopicName) -> Int { byTopic[topic]?.slots.count ?? 0 }
}

extension ContiguousArray<Int32> {
  fileprivate mutating func removeSlot(_ slot: Int32) {
    guard let index = lastIndex(of: slot) else { return }
    swapAt(index, count - 1)
    removeLast()
  }
}
