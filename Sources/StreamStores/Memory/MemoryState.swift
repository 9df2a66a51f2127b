import DequeModule
import StreamLog
import WireFormat

/// The memory store without its lock: the one order, the histories, and what is dropped from them. Time and the epoch
/// are arguments.
struct MemoryState: CommittingStore {
  /// A held message by its place: still held if its record's history has it.
  private struct Held {
    var slot: Int32
    var offset: Offset
  }

  let settings: StoreSettings
  let lineage: Lineage
  private(set) var head: Offset = 0
  var topics = TopicTable<TopicRecord>()
  private(set) var forgotten = ForgottenTopics()
  var keys: IdempotencyTable
  /// Rises with every loss, so that a reader can tell what was lost before it began.
  private(set) var lossClock: UInt64 = 1
  private(set) var statistics = StoreStatistics()
  /// Every held message in offset order, and dropped ones until they reach the front or are swept out.
  private var log: Deque<Held> = []
  private var heldMessages = 0
  private var heldBytes = 0
  private var sweepSlot = 0

  init(settings: StoreSettings, epoch: Epoch) {
    self.settings = settings
    lineage = Lineage(epoch)
    keys = IdempotencyTable(windowNanoseconds: settings.idempotencyWindowNanoseconds)
  }

  // MARK: Publishing

  var keyLimit: Int { settings.idempotencyKeys }
  var keyCount: Int { keys.count }
  func published(_ key: IdempotencyTable.Key) -> Published? { keys.published(key) }
  mutating func remember(_ key: IdempotencyTable.Key, _ published: Published, now: Instant) {
    keys.remember(key, published, now: now.monotonic)
  }

  func lastOffset(of topic: TopicName) -> Offset { topics.slot(of: topic).map { topics[$0].lastOffset } ?? 0 }

  mutating func commit(_ draft: MessageDraft, to topic: TopicName, now: Instant) -> Message {
    let slot: Int32
    if let known = topics.slot(of: topic) {
      slot = known
    } else {
      slot = topics.insert(
        TopicRecord(
          topic: topic, retention: settings.retention.retention(for: topic), forgotten: forgotten.loss(of: topic)))
    }
    head += 1
    let predecessor = max(topics[slot].lastOffset, topics[slot].forgottenThrough)
    let message = MessageEncoder.encode(
      draft: draft, position: lineage.position(head), predecessor: predecessor, seq: topics[slot].lastSeq + 1,
      topic: topic, time: now.wall, committedAt: now.monotonic)
    topics[slot].lastOffset = head
    topics[slot].lastSeq = message.seq
    topics[slot].history.append(message)
    topics[slot].historyBytes += message.cost
    topics.moveToNewest(slot)
    log.append(Held(slot: slot, offset: head))
    heldMessages += 1
    heldBytes += message.cost
    trim(slot, now: now)
    return message
  }

  // MARK: Dropping

  /// Drops what the topic's rule no longer keeps.
  mutating func trim(_ slot: Int32, now: Instant) {
    let retention = topics[slot].retention
    let oldestTime = now.wall - retention.ageMilliseconds
    while let first = topics[slot].history.first,
      topics[slot].history.count > retention.messages || topics[slot].historyBytes > retention.bytes
        || first.time < oldestTime
    {
      dropFirst(of: slot)
      statistics.droppedByRetention += 1
    }
  }

  private mutating func dropFirst(of slot: Int32) {
    guard let message = topics[slot].history.popFirst() else { return }
    topics[slot].historyBytes -= message.cost
    lossClock += 1
    topics[slot].lostAt = lossClock
    heldMessages -= 1
    heldBytes -= message.cost
  }

  /// Applies age to some topics and drops dropped messages' entries, so that a quiet gateway gives memory back too.
  mutating func sweep(now: Instant, topics budget: Int) {
    keys.expire(now: now.monotonic)
    for _ in 0..<min(budget, topics.slotCount) {
      sweepSlot = (sweepSlot + 1) % topics.slotCount
      if topics.isUsed(Int32(sweepSlot)) { trim(Int32(sweepSlot), now: now) }
    }
    compactLog()
  }

  private func isHeld(_ held: Held) -> Bool {
    guard topics.isUsed(held.slot), let first = topics[held.slot].history.first, first.offset <= held.offset else {
      return false
    }
    // The slot may be another topic's by now.
    let index = topics[held.slot].index(after: held.offset - 1)
    return index < topics[held.slot].history.count && topics[held.slot].history[index].offset == held.offset
  }

  private mutating func compactLog() {
    while let first = log.first, !isHeld(first) { log.removeFirst() }
    if log.count > 2 * heldMessages + 1024 { log = Deque(log.lazy.filter(isHeld)) }
  }

  /// All memory that counts in the bound.
  func memory(elsewhere: Int) -> Int {
    heldBytes + topics.bytes + keys.bytes + log.count * MemoryLayout<Held>.stride + elsewhere
  }

  /// Drops the oldest history until everything fits the bound. When the records of topics themselves take more than a
  /// quarter of it, the topics longest without a message are forgotten first.
  ///
  /// - Parameter elsewhere: what counts in the bound outside this store.
  mutating func enforceBound(elsewhere: Int) {
    compactLog()
    while memory(elsewhere: elsewhere) > settings.memoryBytes {
      if topics.bytes > settings.memoryBytes / 4 || heldMessages == 0 {
        guard topics.oldest >= 0 else { return }
        forget(topics.oldest)
      } else if let first = log.popFirst() {
        guard isHeld(first) else { continue }
        dropFirst(of: first.slot)
        statistics.droppedByMemory += 1
      } else {
        return
      }
    }
  }

  private mutating func forget(_ slot: Int32) {
    while !topics[slot].history.isEmpty {
      dropFirst(of: slot)
      statistics.droppedByMemory += 1
    }
    let record = topics.remove(slot)
    lossClock += 1
    statistics.forgottenTopics += 1
    // A topic erased and then forgotten lost nothing more, but nobody can tell that any longer.
    forgotten.forget(record.topic, lastOffset: max(record.lastOffset, record.forgottenThrough), at: lossClock)
  }

  mutating func erase(_ topic: TopicName) -> TopicSummary? {
    lossClock += 1
    guard let slot = topics.slot(of: topic) else { return nil }
    while !topics[slot].history.isEmpty { dropFirst(of: slot) }
    topics[slot].lostAt = lossClock
    topics[slot].erasedThrough = topics[slot].lastOffset
    compactLog()
    return topics[slot].summary(in: lineage)
  }

  func currentStatistics(elsewhere: Int) -> StoreStatistics {
    var result = statistics
    result.topics = topics.count
    result.messages = heldMessages
    result.bytes = memory(elsewhere: elsewhere)
    result.idempotencyKeys = keys.count
    return result
  }
}
