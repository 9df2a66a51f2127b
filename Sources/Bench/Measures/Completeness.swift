/// Whether every subscriber got every message of its topics exactly once, in order. A topic of a run has no messages
/// from before it, so its numbers are 1, 2, 3 … and the next that a subscriber should get is one number.
package struct Completeness: Sendable {
  private let topicsEach: Int
  /// The next seq, for each topic of each subscriber: subscriber × `topicsEach` + topic in its group.
  private var next: [UInt64]
  /// What was passed over and has not come since.
  private var holes: [Int: Set<UInt64>] = [:]
  /// What was passed over beyond `mostHoles`; it counts as missing even if it comes.
  private var unnamed: [Int: UInt64] = [:]
  /// Messages that came for the first time.
  package private(set) var received: UInt64 = 0
  package private(set) var duplicates: UInt64 = 0
  /// Messages that came after a later one.
  package private(set) var disordered: UInt64 = 0

  /// Of more than this many passed over at once only the number is kept.
  package static let mostHoles: UInt64 = 100_000

  package init(topicsEach: Int) {
    self.topicsEach = topicsEach
    next = []
  }

  /// One more subscriber; the first is number 0.
  package mutating func addSubscriber() { next.append(contentsOf: repeatElement(1, count: topicsEach)) }

  /// - Parameters:
  ///   - subscriber: its number.
  ///   - topic: which of its topics, from 0.
  @inline(__always)
  package mutating func receive(subscriber: Int, topic: Int, seq: UInt64) {
    let slot = subscriber &* topicsEach &+ topic
    if next[slot] == seq {
      next[slot] = seq &+ 1
      received &+= 1
    } else {
      receiveUnexpected(slot, seq)
    }
  }

  @inline(never)
  private mutating func receiveUnexpected(_ slot: Int, _ seq: UInt64) {
    if seq > next[slot] {
      let named = min(seq, next[slot] + Self.mostHoles)
      holes[slot, default: []].formUnion(next[slot]..<named)
      if named < seq { unnamed[slot, default: 0] += seq - named }
      next[slot] = seq &+ 1
      received += 1
    } else if holes[slot]?.remove(seq) != nil {
      disordered += 1
      received += 1
    } else {
      duplicates += 1
    }
  }

  /// The highest seq of a topic that a subscriber got; 0 if it got none.
  package func highest(subscriber: Int, topic: Int) -> UInt64 { next[subscriber * topicsEach + topic] - 1 }

  /// What is missing to one subscriber.
  ///
  /// - Parameter committed: the last seq of each of its topics.
  package func missing(subscriber: Int, committed: ArraySlice<UInt64>) -> UInt64 {
    var count: UInt64 = 0
    for (topic, last) in committed.enumerated() {
      let slot = subscriber * topicsEach + topic
      if last >= next[slot] { count += last - next[slot] + 1 }
      count += UInt64(holes[slot]?.count ?? 0) + (unnamed[slot] ?? 0)
    }
    return count
  }
}
