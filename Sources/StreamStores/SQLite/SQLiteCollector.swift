import DequeModule
import SQLite
import StreamLog

/// Deletes the rows of dropped messages little by little, in transactions that are under way anyway, so that no publish
/// waits for a large one.
///
/// Rows above the tape's floor stay: they are the tape after a restart.
struct SQLiteCollector {
  struct Garbage {
    var topic: Int64
    /// Everything of the topic below it may go.
    var below: Offset
    /// The topic goes with its last message.
    var isForgotten: Bool
    /// What was looked at already.
    fileprivate var lookedBelow: Offset = 0

    init(topic: Int64, below: Offset, isForgotten: Bool) {
      self.topic = topic
      self.below = below
      self.isForgotten = isForgotten
    }
  }

  private var order: Deque<Int64> = []
  private var garbage: [Int64: Garbage] = [:]
  /// What the transaction under way has dealt with.
  private var done: [Garbage] = []

  /// How many topics have something to collect.
  var count: Int { garbage.count }

  mutating func note(_ record: SQLiteTopicRecord, isForgotten: Bool = false) {
    note(
      Garbage(
        topic: record.id, below: isForgotten ? record.lastOffset + 1 : record.oldest?.offset ?? record.lastOffset + 1,
        isForgotten: isForgotten))
  }

  mutating func note(_ new: Garbage) {
    guard var known = garbage[new.topic] else {
      garbage[new.topic] = new
      order.append(new.topic)
      return
    }
    known.below = max(known.below, new.below)
    known.isForgotten = known.isForgotten || new.isForgotten
    garbage[new.topic] = known
  }

  /// - Parameters:
  ///   - most: rows to delete.
  ///   - topics: topics to look at.
  ///   - floor: the tape's; rows above it stay.
  mutating func collect(
    _ statements: SQLiteWriting, most: Int, topics: Int, floor: Offset
  ) throws(SQLiteError) {
    var left = most
    for _ in 0..<min(topics, order.count) where left > 0 {
      guard let topic = order.popFirst(), var entry = garbage[topic] else { continue }
      let below = min(entry.below, floor + 1)
      if below > entry.lookedBelow {
        let deleted = try statements.collect(topic, below: below, most: left)
        // With as many as were asked for there may be more.
        if deleted < left { entry.lookedBelow = below }
        left -= deleted
      }
      if entry.lookedBelow >= entry.below {
        if entry.isForgotten { try statements.deleteTopic(topic) }
        garbage[topic] = nil
        done.append(entry)
      } else {
        garbage[topic] = entry
        order.append(topic)
      }
    }
  }

  /// The transaction is in the file.
  mutating func committed() { done.removeAll(keepingCapacity: true) }

  /// Nothing of the transaction happened.
  mutating func rolledBack() {
    for var entry in done {
      entry.lookedBelow = 0
      note(entry)
    }
    for topic in order { garbage[topic]?.lookedBelow = 0 }
    done = []
  }
}
