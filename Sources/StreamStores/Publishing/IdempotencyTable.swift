import DequeModule
import StreamLog

/// The keys of recent successful publishes, each with what it committed (protocol section 6). Time is an argument.
struct IdempotencyTable {
  struct Key: Hashable {
    var publisher: String
    var topic: TopicName
    var key: String
  }

  private struct Expiry {
    var key: Key
    var at: UInt64
  }

  /// What an entry costs in memory, beside its strings.
  private static let overhead = 160

  let windowNanoseconds: UInt64
  private var entries: [Key: Published] = [:]
  private var expiries: Deque<Expiry> = []
  private(set) var bytes = 0

  init(windowNanoseconds: UInt64) {
    self.windowNanoseconds = windowNanoseconds
  }

  var count: Int { entries.count }

  func published(_ key: Key) -> Published? { entries[key] }

  /// - Parameter age: how long ago it was committed, in nanoseconds: what comes later is not older.
  mutating func remember(_ key: Key, _ published: Published, now: UInt64, age: UInt64 = 0) {
    guard age < windowNanoseconds else { return }
    entries[key] = published
    expiries.append(Expiry(key: key, at: now + windowNanoseconds - age))
    bytes += cost(key)
  }

  /// Forgets what is older than the window.
  mutating func expire(now: UInt64) {
    while let first = expiries.first, first.at <= now {
      expiries.removeFirst()
      entries[first.key] = nil
      bytes -= cost(first.key)
    }
  }

  private func cost(_ key: Key) -> Int {
    2 * (key.publisher.utf8.count + key.topic.string.utf8.count + key.key.utf8.count) + Self.overhead
  }
}
