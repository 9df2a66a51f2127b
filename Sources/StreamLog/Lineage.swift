/// The epochs of one log, oldest first, each with its first offset (protocol section 1). Offsets never restart, so a
/// message's epoch is the one its offset falls in.
package struct Lineage: Sendable, Equatable {
  package struct Entry: Sendable, Equatable {
    package let epoch: Epoch
    package let first: Offset
    /// Messages right before `first` that were acknowledged and are gone.
    package let lost: LostTail?

    package init(epoch: Epoch, first: Offset, lost: LostTail? = nil) {
      self.epoch = epoch
      self.first = first
      self.lost = lost
    }
  }

  /// The end of an epoch that the store lost and somebody had seen: the offsets above `after`, up to the next epoch's
  /// first.
  package struct LostTail: Sendable, Equatable {
    package let after: Offset
    /// The store's loss clock when it was noticed.
    package let at: UInt64

    package init(after: Offset, at: UInt64) {
      self.after = after
      self.at = at
    }
  }

  package private(set) var entries: [Entry]

  /// A log that begins with `epoch` at offset 1.
  package init(_ epoch: Epoch) {
    entries = [Entry(epoch: epoch, first: 1)]
  }

  /// - Precondition: at least one entry, first offsets never falling, epochs distinct. An epoch that begins where the
  ///   next one does has no message left.
  package init(entries: [Entry]) {
    precondition(!entries.isEmpty)
    precondition(zip(entries, entries.dropFirst()).allSatisfy { $0.first <= $1.first })
    self.entries = entries
  }

  package var current: Epoch { entries[entries.count - 1].epoch }

  /// The position at `offset`. Offset 0 and everything before the oldest known epoch belong to that epoch.
  package func position(_ offset: Offset) -> Position {
    if let last = entries.last, offset >= last.first { return Position(epoch: last.epoch, offset: offset) }
    let entry = entries.last { $0.first <= offset } ?? entries[0]
    return Position(epoch: entry.epoch, offset: offset)
  }

  /// The last offset of an epoch that is over; nil for the current one and for one that is unknown.
  package func end(of epoch: Epoch) -> Offset? {
    guard let index = entries.firstIndex(where: { $0.epoch == epoch }), index + 1 < entries.count else { return nil }
    return entries[index + 1].first - 1
  }

  package enum Verdict: Equatable, Sendable {
    /// The log has this place: read on from the offset.
    case good(Offset)
    /// The position's epoch ended before it, at this offset: what lay between is lost.
    case pastEnd(Offset)
    case unknownEpoch
  }

  /// Judges a position handed back by a client.
  ///
  /// - Parameter head: the highest offset the store has committed.
  package func judge(_ position: Position, head: Offset) -> Verdict {
    guard let index = entries.firstIndex(where: { $0.epoch == position.epoch }) else { return .unknownEpoch }
    let end = index + 1 < entries.count ? entries[index + 1].first - 1 : head
    return position.offset <= end ? .good(position.offset) : .pastEnd(end)
  }
}
