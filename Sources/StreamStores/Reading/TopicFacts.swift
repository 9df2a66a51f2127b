import StreamLog

/// What a store knows of one topic at one moment: enough to prove what a reader has missed of it.
struct TopicFacts {
  let topic: TopicName
  /// The newest message that can no longer be had: a reader at or beyond it is complete.
  var lostThrough: Offset
  /// The seq of that message, where it is known.
  var lostSeq: UInt64?
  /// The loss clock when messages were last lost.
  var lostAt: UInt64
  /// The last offset at the topic's last erasure.
  var erasedThrough: Offset
}

/// What is known of topics without a record: up to where they may have had messages, and the loss clock when the last
/// of them was forgotten.
typealias ForgottenLoss = (through: Offset, lostAt: UInt64)
