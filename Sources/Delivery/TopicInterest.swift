import StreamLog

/// Who on this loop takes a topic: those who subscribed to it by name, and those of each pattern that matches it.
/// Which patterns match a topic is found out once and cached; nobody's slot is copied for it.
struct TopicInterest {
  /// The subscribers of one topic or pattern, by slot, each once.
  final class Takers {
    fileprivate(set) var slots: ContiguousArray<Int32> = []
  }

  /// Where a topic's subscribers are listed. One that is on several lists takes the topic once all the same.
  struct Sources {
    fileprivate(set) var lists: [Takers]

    /// Whether both name the same subscribers.
    static func == (a: Sources, b: Sources) -> Bool {
      a.lists.count == b.lists.count && zip(a.lists, b.lists).allSatisfy { $0 === $1 }
    }
  }

  /// Most topics for which the matching patterns are remembered.
  static let cachedTopics = 65_536

  private var exact: [TopicName: Takers] = [:]
  private var patterns: [TopicPattern: Takers] = [:]
  private var matching: [TopicName: [Takers]] = [:]

  /// - Returns: nil if nobody here takes the topic.
  mutating func sources(of topic: TopicName) -> Sources? {
    let named = exact[topic]
    guard !patterns.isEmpty else { return named.map { Sources(lists: [$0]) } }
    let matched = patterns(matching: topic)
    if let named { return Sources(lists: [named] + matched) }
    return matched.isEmpty ? nil : Sources(lists: matched)
  }

  private mutating func patterns(matching topic: TopicName) -> [Takers] {
    if let known = matching[topic] { return known }
    let found = patterns.filter { $0.key.matches(topic) }.map(\.value)
    if matching.count >= Self.cachedTopics { matching.removeAll(keepingCapacity: true) }
    matching[topic] = found
    return found
  }

  /// Adds a subscriber that has not subscribed by this very pattern yet. - Returns: whether it is the pattern's first.
  mutating func add(_ slot: Int32, _ pattern: TopicPattern) -> Bool {
    let list: Takers
    if let topic = pattern.exact {
      list = Self.list(topic, in: &exact)
    } else {
      if patterns[pattern] == nil { matching.removeAll() }
      list = Self.list(pattern, in: &patterns)
    }
    list.slots.append(slot)
    return list.slots.count == 1
  }

  /// Removes a subscriber that has no subscription by this very pattern any longer. - Returns: whether it was the last.
  mutating func remove(_ slot: Int32, _ pattern: TopicPattern) -> Bool {
    if let topic = pattern.exact {
      guard exact[topic]?.slots.removeSlot(slot) == true else { return false }
      exact[topic] = nil
    } else {
      guard patterns[pattern]?.slots.removeSlot(slot) == true else { return false }
      patterns[pattern] = nil
      matching.removeAll()
    }
    return true
  }

  private static func list<Key: Hashable>(_ key: Key, in lists: inout [Key: Takers]) -> Takers {
    if let known = lists[key] { return known }
    let new = Takers()
    lists[key] = new
    return new
  }

  /// How many subscribers here take a topic, by its name or a pattern.
  func subscribers(of topic: TopicName) -> Int {
    let lists = (exact[topic].map { [$0] } ?? []) + patterns.filter { $0.key.matches(topic) }.map(\.value)
    return lists.count == 1 ? lists[0].slots.count : Set(lists.flatMap(\.slots)).count
  }
}

extension ContiguousArray<Int32> {
  /// - Returns: whether none is left.
  fileprivate mutating func removeSlot(_ slot: Int32) -> Bool {
    if let index = lastIndex(of: slot) {
      swapAt(index, count - 1)
      removeLast()
    }
    return isEmpty
  }
}
