/// Which topics a loop is woken for. It may say yes for a topic that nobody watches, never no for one that is watched:
/// it counts by the topic's hash alone, and so has the same size however many topics there are.
struct WatchedTopics {
  private static let buckets = 1024
  private var counts = ContiguousArray<UInt32>(repeating: 0, count: buckets)
  private var all: UInt32 = 0

  private static func bucket(_ topic: TopicName) -> Int { Int(UInt(bitPattern: topic.hashValue) % UInt(buckets)) }

  func contains(_ topic: TopicName) -> Bool { all > 0 || counts[Self.bucket(topic)] > 0 }

  /// - Parameter topic: nil for every topic.
  mutating func add(_ topic: TopicName?) {
    if let topic { counts[Self.bucket(topic)] += 1 } else { all += 1 }
  }

  mutating func remove(_ topic: TopicName?) {
    if let topic { counts[Self.bucket(topic)] -= 1 } else { all -= 1 }
  }
}
