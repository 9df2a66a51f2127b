/// Which topics a loop is woken for. It may say yes for a topic that nobody watches, never no for one that is watched:
/// it counts by the topic's hash alone, and so has the same size, 64 KiB, however many topics there are.
struct WatchedTopics {
  private static let buckets = 1 << 14
  private var counts = ContiguousArray<UInt32>(repeating: 0, count: buckets)
  private var all: UInt32 = 0

  static func bucket(_ topic: TopicName) -> Int { topic.hashValue & (buckets - 1) }

  func contains(bucket: Int) -> Bool { all > 0 || counts[bucket] > 0 }

  /// - Parameter topic: nil for every topic.
  mutating func add(_ topic: TopicName?) {
    if let topic { counts[Self.bucket(topic)] += 1 } else { all += 1 }
  }

  mutating func remove(_ topic: TopicName?) {
    if let topic { counts[Self.bucket(topic)] -= 1 } else { all -= 1 }
  }
}
