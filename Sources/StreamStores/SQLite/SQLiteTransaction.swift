import SQLite
import StreamLog
import WireFormat

/// One transaction under way: what several publishers wait for together. Nothing outside sees any of it before
/// `SQLiteState.apply`.
struct SQLiteTransaction: CommittingStore {
  private let state: SQLiteStateReference
  private let statements: SQLiteWriting
  private let settings: StoreSettings
  let lineage: Lineage
  private(set) var changes: SQLiteChanges
  /// Keys of this transaction.
  private(set) var newKeys: [(key: IdempotencyTable.Key, published: Published)] = []
  private var newKeysByName: [IdempotencyTable.Key: Published] = [:]
  private let knownKeys: Int

  init(_ state: SQLiteStateReference, _ statements: SQLiteWriting, _ settings: StoreSettings) {
    self.state = state
    self.statements = statements
    self.settings = settings
    let (lineage, head, keys) = state.withLock { ($0.lineage, $0.head, $0.keys.count) }
    self.lineage = lineage
    knownKeys = keys
    changes = SQLiteChanges(head: head)
  }

  /// Whether there is nothing to commit.
  var isEmpty: Bool { changes.order.isEmpty && changes.forgotten.isEmpty }

  // MARK: Publishing

  var keyLimit: Int { settings.idempotencyKeys }
  var keyCount: Int { knownKeys + newKeys.count }

  func published(_ key: IdempotencyTable.Key) -> Published? {
    newKeysByName[key] ?? state.withLock { $0.keys.published(key) }
  }

  mutating func remember(_ key: IdempotencyTable.Key, _ published: Published, now: Instant) throws(SQLiteError) {
    try statements.insert(key, published, now: now.wall)
    newKeys.append((key, published))
    newKeysByName[key] = published
  }

  func lastOffset(of topic: TopicName) -> Offset { record(of: topic)?.lastOffset ?? 0 }

  private func record(of topic: TopicName) -> SQLiteTopicRecord? {
    changes.records[topic] ?? state.withLock { $0.record(of: topic) }
  }

  mutating func commit(_ draft: MessageDraft, to topic: TopicName, now: Instant) throws(SQLiteError) -> Message {
    var record: SQLiteTopicRecord
    if let known = self.record(of: topic) {
      record = known
    } else {
      record = SQLiteTopicRecord(
        id: statements.newTopicID(), topic: topic, retention: settings.retention.retention(for: topic),
        forgotten: state.withLock { $0.forgotten.loss(of: topic) })
    }
    let message = MessageEncoder.encode(
      draft: draft, position: lineage.position(changes.head + 1), predecessor: record.nextPredecessor,
      seq: record.lastSeq + 1, topic: topic, time: now.wall, committedAt: now.monotonic)
    try statements.insert(message, draft, topic: record.id)
    if record.oldest == nil {
      record.oldest = .init(
        offset: message.offset, predecessor: message.predecessor, seq: message.seq, time: message.time)
    }
    changes.head = message.offset
    record.lastOffset = message.offset
    record.lastSeq = message.seq
    record.messages += 1
    record.bytes += message.cost
    try trim(&record, now: now.wall, most: Self.mostDropped)
    changes.change(record)
    return message
  }

  mutating func add(_ committed: [Message]) { changes.messages += committed }

  // MARK: Dropping

  /// Most messages that one publish drops; the rest is left to sweeps.
  static let mostDropped = 256

  /// Drops what the topic's rule no longer keeps. - Returns: how many.
  @discardableResult
  private mutating func trim(
    _ record: inout SQLiteTopicRecord, now: Int64, most: Int
  ) throws(SQLiteError) -> Int {
    var dropped = 0
    while let oldest = record.oldest, dropped < most {
      let tooMany = record.messages - record.retention.messages
      guard tooMany > 0 || record.bytes > record.retention.bytes || record.isAged(now) else { break }
      if tooMany >= record.messages {
        dropped += record.messages
        record.dropAll()
        break
      }
      // Its own row, for what it costs, and the next one.
      let rows = try statements.held(record.id, from: oldest.offset, count: 2)
      guard let first = rows.first, first.offset == oldest.offset else {
        throw SQLiteError.damaged("message \(oldest.offset) of \(record.topic) is not in the file")
      }
      record.drop(1, bytes: first.size + Message.overhead, last: first.offset, next: rows.dropFirst().first?.mark)
      dropped += 1
    }
    if dropped > 0 { changes.dropped.insert(record.topic) }
    changes.droppedByRetention += UInt64(dropped)
    return dropped
  }

  /// Applies age where nobody publishes.
  mutating func sweep(_ topics: [SQLiteTopicRecord], now: Int64, most: Int) throws(SQLiteError) {
    var left = most
    for topic in topics where left > 0 {
      var record = changes.records[topic.topic] ?? topic
      let dropped = try trim(&record, now: now, most: left)
      guard dropped > 0 else { continue }
      left -= dropped
      changes.change(record)
    }
  }

  /// - Returns: nil if there is no such topic.
  mutating func erase(_ topic: TopicName) -> SQLiteTopicRecord? {
    // The tape may still have messages of a topic that is forgotten.
    changes.erased.insert(topic)
    guard var record = record(of: topic) else { return nil }
    record.dropAll()
    record.erasedThrough = record.lastOffset
    changes.change(record)
    return record
  }

  /// Forgets the topics longest without a message when the records take more than a quarter of the memory bound.
  mutating func forgetTopics() {
    changes.forgotten += state.withLock { [changes] state in
      let added = changes.records.values.reduce(0) {
        $0 + (state.topics.slot(of: $1.topic) == nil ? $1.cost : 0)
      }
      var excess = state.topics.bytes + added - settings.memoryBytes / 4
      var records: [SQLiteTopicRecord] = []
      var slot = state.topics.oldest
      while excess > 0, slot >= 0 {
        let record = state.topics[slot]
        if changes.records[record.topic] == nil {
          records.append(record)
          excess -= record.cost
        }
        slot = record.newer
      }
      return records
    }
  }

  // MARK: Ending

  /// Writes what is written once for a transaction, however much it committed.
  mutating func finish() throws(SQLiteError) {
    changes.sortByLastOffset()
    for topic in changes.order {
      if let record = changes.records[topic] { try statements.write(record) }
    }
    for record in changes.forgotten { try statements.forget(record) }
    try statements.write(head: changes.head)
  }
}
