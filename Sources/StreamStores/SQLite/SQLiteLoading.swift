import Locking
import SQLite
import StreamLog
import WireFormat

/// What the store finds in its file when it starts: as much as the number of topics and keys, not of messages.
struct SQLiteLoading {
  /// Most epochs that are remembered: positions of older ones are of an unknown epoch.
  static let mostEpochs = 1000

  private let database: SQLiteDatabase
  private let settings: StoreSettings

  init(_ database: SQLiteDatabase, _ settings: StoreSettings) {
    self.database = database
    self.settings = settings
  }

  /// Opens a new epoch at the head's successor: nobody knows what a crash or a power cut took back.
  func openEpoch(_ epoch: Epoch) throws(SQLiteError) -> Lineage {
    let insert = try database.prepare("INSERT INTO lineage (epoch, first) VALUES (?, ?)")
    insert.bind(1, epoch.string)
    insert.bind(2, try head() + 1)
    try insert.run()
    try database.execute(
      "DELETE FROM lineage WHERE number <= (SELECT max(number) FROM lineage) - \(Self.mostEpochs)")
    let select = try database.prepare("SELECT epoch, first FROM lineage ORDER BY number")
    var entries: [Lineage.Entry] = []
    while try select.step() {
      guard let epoch = Epoch(select.text(0) ?? "") else { continue }
      entries.append(Lineage.Entry(epoch: epoch, first: max(select.unsigned(1), entries.last?.first ?? 1)))
    }
    return Lineage(entries: entries)
  }

  func head() throws(SQLiteError) -> Offset {
    UInt64(clamping: try database.number("SELECT offset FROM head") ?? 0)
  }

  /// - Parameter now: for how old the keys are.
  func state(_ lineage: Lineage, now: Instant) throws(SQLiteError) -> SQLiteState {
    var forgotten = ForgottenTopics()
    let buckets = try database.prepare("SELECT bucket, through FROM forgotten")
    while try buckets.step() {
      forgotten.forget(bucket: Int(buckets.int(0)), lastOffset: buckets.unsigned(1), at: 1)
    }
    var state = SQLiteState(
      settings: settings, lineage: lineage, head: try head(), topics: try topics(), forgotten: forgotten)
    try loadKeys(into: &state, now: now)
    return state
  }

  private func topics() throws(SQLiteError) -> [SQLiteTopicRecord] {
    let select = try database.prepare(
      """
      SELECT id, name, last_offset, last_seq, forgotten_through, erased_through, oldest_offset, oldest_predecessor,
        oldest_seq, oldest_time, messages, bytes
      FROM topics WHERE NOT is_forgotten ORDER BY last_offset
      """)
    var records: [SQLiteTopicRecord] = []
    while try select.step() {
      let name = select.text(1) ?? ""
      guard let topic = try? TopicName(name) else { throw SQLiteError.damaged("\"\(name)\" is no topic") }
      var record = SQLiteTopicRecord(
        id: select.int(0), topic: topic, retention: settings.retention.retention(for: topic),
        forgotten: (select.unsigned(4), 1))
      record.lastOffset = select.unsigned(2)
      record.lastSeq = select.unsigned(3)
      record.erasedThrough = select.unsigned(5)
      if !select.isNull(6) {
        record.oldest = .init(
          offset: select.unsigned(6), predecessor: select.unsigned(7), seq: select.unsigned(8), time: select.int(9))
        record.messages = Int(select.int(10))
        record.bytes = Int(select.int(11))
      }
      records.append(record)
    }
    return records
  }

  private func loadKeys(into state: inout SQLiteState, now: Instant) throws(SQLiteError) {
    let select = try database.prepare(
      "SELECT publisher, topic, key, offset, seq, committed FROM keys ORDER BY committed, number")
    while try select.step() {
      guard let topic = try? TopicName(select.text(1) ?? "") else { continue }
      let age = UInt64(clamping: now.wall - select.int(5)).multipliedReportingOverflow(by: 1_000_000)
      state.keys.remember(
        .init(publisher: select.text(0) ?? "", topic: topic, key: select.text(2) ?? ""),
        Published(topic: topic, id: state.lineage.position(select.unsigned(3)), seq: select.unsigned(4)),
        now: now.monotonic, age: age.overflow ? .max : age.partialValue)
    }
  }

  /// Rows that were dropped and not deleted before the end, perhaps.
  func noteGarbage(in collector: inout SQLiteCollector) throws(SQLiteError) {
    let select = try database.prepare("SELECT id, oldest_offset, last_offset, is_forgotten FROM topics")
    while try select.step() {
      let isForgotten = select.int(3) != 0
      let below = isForgotten || select.isNull(1) ? select.unsigned(2) + 1 : select.unsigned(1)
      collector.note(SQLiteCollector.Garbage(topic: select.int(0), below: below, isForgotten: isForgotten))
    }
  }

  /// The newest messages of all topics without a hole: the tape as it was.
  func tape(_ state: SQLiteState, _ capacity: Tape.Capacity) throws(SQLiteError) -> Tape {
    let select = try database.prepare(
      """
      SELECT \(SQLiteMessageRow.columns("m")), t.name, t.erased_through
      FROM messages m JOIN topics t ON t.id = m.topic ORDER BY m.offset DESC LIMIT ?
      """)
    select.bind(1, capacity.entries)
    var entries: [TapeEntry] = []
    var bytes = 0
    while try select.step() {
      guard let topic = try? TopicName(select.text(SQLiteMessageRow.columnCount) ?? "") else { break }
      // Behind a damaged one the tape ends; whoever reads that far is told.
      guard let message = try? SQLiteMessageRow.message(select, topic: topic, lineage: state.lineage) else { break }
      bytes += message.cost
      guard message.offset == state.head - UInt64(entries.count), bytes <= capacity.bytes else { break }
      let isErased = message.offset <= select.unsigned(SQLiteMessageRow.columnCount + 1)
      entries.append(isErased ? .erased(ErasedMessage(message, lostAt: 1)) : .message(message))
    }
    select.reset()
    return Tape(lineage: state.lineage, head: state.head, entries: entries.reversed(), capacity: capacity)
  }
}
