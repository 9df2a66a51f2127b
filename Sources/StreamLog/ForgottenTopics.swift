/// What is still known of topics whose records were dropped under the memory bound: by hash of the topic, the highest
/// last offset of any topic forgotten there. A topic without a record takes its bucket's value as its first message's
/// predecessor, so a reader from before that is told of a gap and one from after it is not.
package struct ForgottenTopics: Sendable {
  package static let buckets = 4096

  private var through = [Offset](repeating: 0, count: ForgottenTopics.buckets)
  private var lostAt = [UInt64](repeating: 0, count: ForgottenTopics.buckets)
  /// The bucket with the highest value, which is what a pattern's completeness asks for.
  package private(set) var highest: (through: Offset, lostAt: UInt64) = (0, 0)

  package init() {}

  package mutating func forget(_ topic: TopicName, lastOffset: Offset, at lossClock: UInt64) {
    forget(bucket: ForgottenTopics.bucket(of: topic), lastOffset: lastOffset, at: lossClock)
  }

  /// - Parameter bucket: 0 to 4095; what is not is passed over.
  package mutating func forget(bucket: Int, lastOffset: Offset, at lossClock: UInt64) {
    guard through.indices.contains(bucket) else { return }
    through[bucket] = max(through[bucket], lastOffset)
    lostAt[bucket] = lossClock
    highest = (max(highest.through, lastOffset), lossClock)
  }

  package func loss(of topic: TopicName) -> (through: Offset, lostAt: UInt64) {
    let bucket = ForgottenTopics.bucket(of: topic)
    return (through[bucket], lostAt[bucket])
  }

  /// FNV-1a, so that the bucket of a topic is the same in every process.
  package static func bucket(of topic: TopicName) -> Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in topic.string.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    return Int(hash % UInt64(buckets))
  }
}
