import StreamLog

/// What the durable store keeps in memory of one topic; its messages are in the file.
struct SQLiteTopicRecord: TopicTableRecord {
  /// The oldest held message. Those before it are dropped, whether their rows are still there or not.
  struct Oldest: Equatable {
    var offset: Offset
    var predecessor: Offset
    var seq: UInt64
    var time: Int64
  }

  let id: Int64
  let topic: TopicName
  let retention: Retention
  var lastOffset: Offset = 0
  var lastSeq: UInt64 = 0
  /// What a first message takes as its predecessor: the forgotten-through offset of the topic's bucket.
  let forgottenThrough: Offset
  var erasedThrough: Offset = 0
  var oldest: Oldest?
  /// Held messages, and what they cost as `Message.cost` counts it.
  var messages = 0
  var bytes = 0
  /// The loss clock when messages were last dropped.
  var lostAt: UInt64

  // Age passes while nobody publishes. Readers find out what it has taken, and note it here, so that all of them agree
  // on when that was; the next commit or sweep drops it.
  var agedThrough: Offset = 0
  var agedAt: UInt64 = 0

  var newer: Int32 = -1
  var older: Int32 = -1

  init(id: Int64, topic: TopicName, retention: Retention, forgotten: ForgottenLoss) {
    self.id = id
    self.topic = topic
    self.retention = retention
    forgottenThrough = forgotten.through
    lostAt = forgotten.lostAt
  }

  static let overhead = 320
  var cost: Int { SQLiteTopicRecord.overhead + 2 * topic.string.utf8.count }

  /// What a first or next message takes as its predecessor.
  var nextPredecessor: Offset { max(lastOffset, forgottenThrough) }
  var lostThrough: Offset { oldest?.predecessor ?? nextPredecessor }

  func isAged(_ now: Int64) -> Bool {
    oldest.map { $0.time < now - retention.ageMilliseconds } ?? false
  }

  var facts: TopicFacts {
    let lostSeq = oldest.map { $0.seq - 1 } ?? lastSeq
    return TopicFacts(
      topic: topic, lostThrough: lostThrough, lostSeq: lostSeq == 0 ? nil : lostSeq,
      lostAt: agedThrough >= lostThrough ? max(lostAt, agedAt) : lostAt, erasedThrough: erasedThrough)
  }

  /// Nothing of it is held any more.
  mutating func dropAll() {
    oldest = nil
    messages = 0
    bytes = 0
  }

  /// Drops the oldest messages: `next` is what is the oldest then.
  mutating func drop(_ count: Int, bytes: Int, last: Offset, next: (offset: Offset, time: Int64)?) {
    messages -= count
    self.bytes -= bytes
    guard let oldest, let next, messages > 0 else { return dropAll() }
    self.oldest = Oldest(
      offset: next.offset, predecessor: last, seq: oldest.seq + UInt64(count), time: next.time)
  }

  func summary(in lineage: Lineage) -> TopicSummary {
    TopicSummary(
      topic: topic, lastID: lineage.position(lastOffset), lastSeq: lastSeq,
      oldest: oldest.map { (lineage.position($0.offset), $0.seq) }, messages: messages, bytes: bytes,
      retention: retention)
  }
}
