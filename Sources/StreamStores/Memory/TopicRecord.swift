import DequeModule
import StreamLog

/// What the memory store knows of one topic. It stays when the history is empty, until the memory bound needs its
/// place.
struct TopicRecord: TopicTableRecord {
  let topic: TopicName
  let retention: Retention
  /// Held messages, oldest first; dropped from the front only.
  var history: Deque<Message> = []
  var historyBytes = 0
  var lastOffset: Offset = 0
  var lastSeq: UInt64 = 0
  /// What a first message takes as its predecessor: the forgotten-through offset of the topic's bucket.
  let forgottenThrough: Offset
  /// The loss clock when messages were last dropped.
  var lostAt: UInt64
  /// The last offset at the topic's last erasure.
  var erasedThrough: Offset = 0

  // Its neighbours in the order of last offsets, as slots; -1 is none.
  var newer: Int32 = -1
  var older: Int32 = -1

  init(topic: TopicName, retention: Retention, forgotten: (through: Offset, lostAt: UInt64)) {
    self.topic = topic
    self.retention = retention
    forgottenThrough = forgotten.through
    lostAt = forgotten.lostAt
  }

  static let overhead = 320
  var cost: Int { TopicRecord.overhead + 2 * topic.string.utf8.count }

  /// The newest message that can no longer be had: a reader at or beyond it is complete.
  var lostThrough: Offset { history.first?.predecessor ?? max(lastOffset, forgottenThrough) }
  var lostSeq: UInt64? {
    let seq = history.first.map { $0.seq - 1 } ?? lastSeq
    return seq == 0 ? nil : seq
  }

  var facts: TopicFacts {
    TopicFacts(
      topic: topic, lostThrough: lostThrough, lostSeq: lostSeq, lostAt: lostAt, erasedThrough: erasedThrough)
  }

  /// The index in `history` of the first message above `offset`.
  func index(after offset: Offset) -> Int {
    if let last = history.last, last.offset <= offset { return history.count }
    var low = 0
    var high = history.count
    while low < high {
      let middle = (low + high) / 2
      if history[middle].offset <= offset { low = middle + 1 } else { high = middle }
    }
    return low
  }

  func summary(in lineage: Lineage) -> TopicSummary {
    TopicSummary(
      topic: topic, lastID: lineage.position(lastOffset), lastSeq: lastSeq,
      oldest: history.first.map { (lineage.position($0.offset), $0.seq) }, messages: history.count,
      bytes: historyBytes, retention: retention)
  }
}
