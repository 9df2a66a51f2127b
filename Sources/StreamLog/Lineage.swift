/// The epochs of one log, oldest first, each with its first offset (protocol section 1). Offsets never restart, so a
/// message's epoch is the one its offset falls in.
package struct Lineage: Sendable, Equatable {
  package struct Entry: Sendable, Equatable {
    package let epoch: Epoch
    package let first: Offset
    /// The last offset before `first` that the log has: what lies between is nobody's, or lost.
    package let follows: Offset
    /// Messages of the epochs before that were acknowledged and are gone.
    package let lost: LostTail?

    /// - Parameter follows: nil: the offset right before `first`.
    package init(epoch: Epoch, first: Offset, follows: Offset? = nil, lost: LostTail? = nil) {
      self.epoch = epoch
      self.first = first
      self.follows = min(follows ?? .max, first - 1)
      self.lost = lost
    }
  }

  /// Messages that the store lost and somebody had seen: above `after`, before the epoch that says so.
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

  /// The last offset that the log has of the epoch at `index`.
  private func end(_ index: Int, head: Offset) -> Offset {
    index + 1 < entries.count ? entries[index + 1].follows : head
  }

  /// Whether the log has, or had until it expired, what was committed at a position.
  package func contains(_ position: Position, head: Offset) -> Bool {
    guard let index = entries.firstIndex(where: { $0.epoch == position.epoch }) else { return false }
    return position.offset <= end(index, head: head)
  }

  /// The last offset below the hole before the epoch at `index`; the epoch before it may have nothing at all.
  private func holeBegins(_ index: Int) -> Offset {
    index > 0 ? max(entries[index].follows, entries[index - 1].first - 1) : entries[index].follows
  }

  /// Whether nothing can lie between two offsets: at most the holes before epochs that lost nothing.
  package func isUnbroken(from offset: Offset, to next: Offset) -> Bool {
    var next = next
    while next > offset + 1 {
      guard let index = entries.lastIndex(where: { $0.first == next }), entries[index].lost == nil else { return false }
      let end = holeBegins(index)
      guard end < next - 1 else { return false }
      next = end + 1
    }
    return true
  }

  /// The last offset up to `offset` that is not of the hole before an epoch.
  package func lastCommitted(through offset: Offset) -> Offset {
    var offset = offset
    while let index = entries.lastIndex(where: { $0.first == offset + 1 }), holeBegins(index) < offset {
      offset = holeBegins(index)
    }
    return offset
  }

  /// How many offsets above `offset` and up to `last` are somebody's.
  package func count(after offset: Offset, through last: Offset) -> UInt64 {
    guard last > offset else { return 0 }
    return entries.indices.reduce(last - offset) { count, index in
      let (from, to) = (max(holeBegins(index), offset), min(entries[index].first - 1, last))
      return from < to ? count - min(count, to - from) : count
    }
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
    let end = end(index, head: head)
    if position.offset <= end { return .good(position.offset) }
    if index + 1 < entries.count, position.offset < entries[index + 1].first {
      // Its reader is told of the loss where it crosses over; or it stands right before the next epoch already.
      let next = entries[index + 1]
      if next.lost != nil || position.offset == next.first - 1 { return .good(position.offset) }
    }
    return .pastEnd(end)
  }
}
