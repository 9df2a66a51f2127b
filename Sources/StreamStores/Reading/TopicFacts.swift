package import StreamLog

/// What a store knows of one topic at one moment: enough to prove what a reader has missed of it.
package struct TopicFacts {
  package let topic: TopicName
  /// The newest message that can no longer be had: a reader at or beyond it is complete.
  package var lostThrough: Offset
  /// The seq of that message, where it is known.
  package var lostSeq: UInt64?
  /// The loss clock when messages were last lost.
  package var lostAt: UInt64
  /// The last offset at the topic's last erasure.
  package var erasedThrough: Offset

  package init(topic: TopicName, lostThrough: Offset, lostSeq: UInt64?, lostAt: UInt64, erasedThrough: Offset) {
    self.topic = topic
    self.lostThrough = lostThrough
    self.lostSeq = lostSeq
    self.lostAt = lostAt
    self.erasedThrough = erasedThrough
  }
}

/// What is known of topics without a record: up to where they may have had messages, and the loss clock when the last
/// of them was forgotten.
package typealias ForgottenLoss = (through: Offset, lostAt: UInt64)
