import StreamLog

/// What a table of topics needs of its records.
protocol TopicTableRecord: Sendable {
  var topic: TopicName { get }
  var lastOffset: Offset { get }
  /// What the record costs in memory, without a history.
  var cost: Int { get }
  /// Its neighbours in the order of last offsets, as slots; -1 is none. The table's own.
  var newer: Int32 { get set }
  var older: Int32 { get set }
}

/// Topic records in slots, found by name and in the order of their last offsets, newest first: catching up on a
/// pattern visits only topics with something newer than the reader.
struct TopicTable<Record: TopicTableRecord> {
  private var slots: [Record?] = []
  private var free: [Int32] = []
  private var byName: [TopicName: Int32] = [:]
  private(set) var newest: Int32 = -1
  private(set) var oldest: Int32 = -1
  /// What the records cost, without their histories.
  private(set) var bytes = 0

  var count: Int { byName.count }
  /// Slots ever used, for a sweep that goes round.
  var slotCount: Int { slots.count }

  func slot(of topic: TopicName) -> Int32? { byName[topic] }
  func isUsed(_ slot: Int32) -> Bool { slots[Int(slot)] != nil }
  var names: some Sequence<TopicName> { byName.keys }

  subscript(_ slot: Int32) -> Record {
    _read { yield slots[Int(slot)]! }
    _modify { yield &slots[Int(slot)]! }
  }

  mutating func insert(_ record: Record) -> Int32 {
    let slot: Int32
    if let reused = free.popLast() {
      slot = reused
      slots[Int(slot)] = record
    } else {
      slot = Int32(slots.count)
      slots.append(record)
    }
    byName[record.topic] = slot
    bytes += record.cost
    link(slot)
    return slot
  }

  mutating func remove(_ slot: Int32) -> Record {
    unlink(slot)
    let record = self[slot]
    slots[Int(slot)] = nil
    free.append(slot)
    byName[record.topic] = nil
    bytes -= record.cost
    return record
  }

  /// Its last offset is now the highest.
  mutating func moveToNewest(_ slot: Int32) {
    guard newest != slot else { return }
    unlink(slot)
    link(slot)
  }

  private mutating func link(_ slot: Int32) {
    self[slot].older = newest
    self[slot].newer = -1
    if newest >= 0 { self[newest].newer = slot } else { oldest = slot }
    newest = slot
  }

  private mutating func unlink(_ slot: Int32) {
    let (newer, older) = (self[slot].newer, self[slot].older)
    if newer >= 0 { self[newer].older = older } else { newest = older }
    if older >= 0 { self[older].newer = newer } else { oldest = newer }
  }
}
