/// One page of a reader's way through the log.
package struct ReadRequest: Sendable {
  package var subscriptions: SubscriptionSet
  /// The reader's position: everything at or below it has been told.
  package var after: Offset
  /// Nothing above it is returned: how far the reader's loop has come.
  package var through: Offset
  package var maxMessages: Int
  package var maxBytes: Int
  package var memory: ReadMemory

  package init(
    subscriptions: SubscriptionSet, after: Offset, through: Offset, maxMessages: Int, maxBytes: Int,
    memory: ReadMemory
  ) {
    self.subscriptions = subscriptions
    self.after = after
    self.through = through
    self.maxMessages = maxMessages
    self.maxBytes = maxBytes
    self.memory = memory
  }
}

/// What a reader carries from page to page, so that a gap found on one page and announced on a later one keeps its
/// bounds.
package struct ReadMemory: Sendable {
  /// The store's loss clock when this reading began: what was lost later was lost because the reader was slow.
  package var began: UInt64
  /// Subscriptions (by index) found incomplete whose gap lies beyond the pages read so far, with the offset after
  /// which their messages are missing.
  package var outstanding: [Int: Offset] = [:]

  package init(began: UInt64, outstanding: [Int: Offset] = [:]) {
    self.began = began
    self.outstanding = outstanding
  }
}

package struct Page: Sendable {
  package enum Item: Sendable {
    case message(Message)
    case gap(PageGap)
  }

  /// Messages and gaps in offset order.
  package var items: [Item]
  /// The reader's position once it has been told all items: at most the request's `through`.
  package var through: Offset
  package var memory: ReadMemory

  package init(items: [Item], through: Offset, memory: ReadMemory) {
    self.items = items
    self.through = through
    self.memory = memory
  }
}

/// A gap in offsets; the reader's lineage turns it into a `Gap`.
package struct PageGap: Sendable, Equatable {
  /// nil for the gap of a whole subscriber: the end of an epoch is lost.
  package var pattern: TopicPattern?
  package var after: Offset
  package var through: Offset
  package var seq: UInt64?
  package var reason: Gap.Reason

  package init(pattern: TopicPattern?, after: Offset, through: Offset, seq: UInt64?, reason: Gap.Reason) {
    self.pattern = pattern
    self.after = after
    self.through = through
    self.seq = seq
    self.reason = reason
  }

  package func gap(in lineage: Lineage) -> Gap {
    Gap(
      topic: pattern, after: lineage.position(after), through: lineage.position(through), seq: seq, reason: reason)
  }
}
