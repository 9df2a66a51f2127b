/// Messages a reader wanted and can no longer have (protocol section 3). Missing are the messages of `topic`
/// with `after` < offset ≤ `through`; it stands in id order at `through`.
package struct Gap: Hashable, Sendable {
  package enum Reason: String, Sendable, CaseIterable {
    /// Retention or the memory bound dropped them.
    case expired
    /// Somebody erased the topic's history.
    case deleted
    /// The log the position names is unknown, or ended before it.
    case epoch
    /// Retention passed a reader that was too slow.
    case slow
  }

  /// The topic or pattern as subscribed; nil for the one gap of a whole subscriber (`epoch`).
  package var topic: TopicPattern?
  /// nil if the position's epoch is unknown.
  package var after: Position?
  package var through: Position
  /// The last missing message's, where it is known.
  package var seq: UInt64?
  package var reason: Reason

  package init(topic: TopicPattern?, after: Position?, through: Position, seq: UInt64?, reason: Reason) {
    self.topic = topic
    self.after = after
    self.through = through
    self.seq = seq
    self.reason = reason
  }
}
