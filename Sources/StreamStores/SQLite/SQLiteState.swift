import Locking
import StreamLog
import Synchronization

/// What the durable store keeps in memory: everything that is committed, but for the messages themselves. The writer
/// changes it after each commit, under the store's lock; readers look at it.
struct SQLiteState: Sendable {
  let settings: StoreSettings
  let lineage: Lineage
  private(set) var head: Offset
  private(set) var topics = TopicTable<SQLiteTopicRecord>()
  private(set) var forgotten = ForgottenTopics()
  var keys: IdempotencyTable
  /// Rises with every loss, so that a reader can tell what was lost before it began.
  private(set) var lossClock: UInt64 = 1
  private(set) var messages = 0
  private(set) var droppedByRetention: UInt64 = 0
  private(set) var forgottenTopics: UInt64 = 0

  /// - Parameter topics: in the order of their last offsets.
  init(
    settings: StoreSettings, lineage: Lineage, head: Offset, topics records: [SQLiteTopicRecord],
    forgotten: ForgottenTopics
  ) {
    self.settings = settings
    self.lineage = lineage
    self.head = head
    self.forgotten = forgotten
    keys = IdempotencyTable(windowNanoseconds: settings.idempotencyWindowNanoseconds)
    for record in records {
      messages += record.messages
      _ = topics.insert(record)
    }
  }

  var beginnings: Beginnings { Beginnings(lineage: lineage, head: head, lossClock: lossClock) }

  func record(of topic: TopicName) -> SQLiteTopicRecord? { topics.slot(of: topic).map { topics[$0] } }

  /// Notes that age has taken a topic's messages up to `through`. - Returns: the loss clock when that was first noted.
  mutating func noteAged(_ topic: TopicName, through: Offset) -> UInt64 {
    guard let slot = topics.slot(of: topic) else { return lossClock }
    if topics[slot].agedThrough < through {
      lossClock += 1
      topics[slot].agedThrough = through
      topics[slot].agedAt = lossClock
    }
    return topics[slot].agedAt
  }

  /// Takes over what a transaction committed.
  mutating func apply(_ changes: SQLiteChanges) {
    lossClock += 1
    for topic in changes.order {
      guard var record = changes.records[topic] else { continue }
      guard let slot = topics.slot(of: topic) else {
        if record.lostThrough > record.forgottenThrough { record.lostAt = lossClock }
        messages += record.messages
        _ = topics.insert(record)
        continue
      }
      let before = topics[slot]
      (record.agedThrough, record.agedAt) = (before.agedThrough, before.agedAt)
      if record.erasedThrough > before.erasedThrough || changes.erased.contains(topic) {
        record.lostAt = lossClock
      } else if record.lostThrough > before.lostThrough {
        record.lostAt = record.lostThrough <= before.agedThrough ? max(before.lostAt, before.agedAt) : lossClock
      }
      (record.newer, record.older) = (before.newer, before.older)
      messages += record.messages - before.messages
      topics[slot] = record
      if record.lastOffset > before.lastOffset { topics.moveToNewest(slot) }
    }
    for topic in changes.forgotten.lazy.map(\.topic) {
      guard let slot = topics.slot(of: topic) else { continue }
      let record = topics.remove(slot)
      messages -= record.messages
      forgotten.forget(topic, lastOffset: record.nextPredecessor, at: lossClock)
      forgottenTopics += 1
    }
    head = max(head, changes.head)
    droppedByRetention += changes.droppedByRetention
  }

  /// Topics whose oldest message is older than their rule says, among the next `budget` slots after `slot`.
  func aged(after slot: inout Int, budget: Int, now: Int64) -> [SQLiteTopicRecord] {
    var found: [SQLiteTopicRecord] = []
    for _ in 0..<min(budget, topics.slotCount) {
      slot = (slot + 1) % topics.slotCount
      if topics.isUsed(Int32(slot)), topics[Int32(slot)].isAged(now) { found.append(topics[Int32(slot)]) }
    }
    return found
  }

  /// - Parameter elsewhere: what counts in the memory bound outside this store.
  func statistics(elsewhere: Int) -> StoreStatistics {
    var result = StoreStatistics()
    result.topics = topics.count
    result.messages = messages
    result.bytes = topics.bytes + keys.bytes + elsewhere
    result.idempotencyKeys = keys.count
    result.droppedByRetention = droppedByRetention
    result.forgottenTopics = forgottenTopics
    return result
  }
}

/// The state behind the store's lock.
final class SQLiteStateReference: Sendable {
  private let state: Guarded<SQLiteState>

  init(_ state: SQLiteState) { self.state = Guarded(state) }

  func withLock<Result, Failure: Error>(
    _ body: (inout SQLiteState) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try state.withLock { state throws(Failure) in try body(&state) }
  }
}

/// What a transaction has changed and memory does not know yet.
struct SQLiteChanges {
  var head: Offset
  /// Topics in the order of their last change, with their records afterwards.
  private(set) var records: [TopicName: SQLiteTopicRecord] = [:]
  private(set) var order: [TopicName] = []
  /// Topics that hold less than before.
  var dropped: Set<TopicName> = []
  var erased: Set<TopicName> = []
  var forgotten: [SQLiteTopicRecord] = []
  /// Committed, in order.
  var messages: [Message] = []
  var droppedByRetention: UInt64 = 0

  init(head: Offset) { self.head = head }

  mutating func change(_ record: SQLiteTopicRecord) {
    if records.updateValue(record, forKey: record.topic) == nil { order.append(record.topic) }
  }

  /// By last offsets, so that memory has topics in that order.
  mutating func sortByLastOffset() {
    order.sort { (records[$0]?.lastOffset ?? 0) < (records[$1]?.lastOffset ?? 0) }
  }
}
