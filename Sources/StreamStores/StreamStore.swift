package import StreamLog
package import WireFormat

/// Who decides the order of messages and keeps them.
///
/// Each message gets its offset and seq atomically, is kept under its topic's retention with its idempotency key, is
/// then put on the tape, in order, and only after that acknowledged: what is acknowledged is committed, and what is
/// committed is seen by everyone in one order.
///
/// Every answer comes through a completion, which may run before the call returns or later on any thread: a store may
/// have a file or a network behind it. A completion is called exactly once.
package protocol StreamStore: AnyObject, Sendable {
  /// What this store committed, for the loops of this process.
  var tape: Tape { get }

  /// Commits items in order, each whole or not at all. An item's outcome does not touch the others'.
  ///
  /// - Parameter publisher: whose idempotency keys these are.
  func append(
    _ items: [PublishItem], publisher: String, completion: @escaping @Sendable ([PublishOutcome]) -> Void)

  /// Finds where a reader of `patterns` begins.
  func resolve(
    _ start: ReadStart, patterns: [TopicPattern],
    completion: @escaping @Sendable (Result<StartPoint, StoreRefusal>) -> Void)

  /// One page of a reader's way, from the tape if it reaches back far enough, else from the topics' histories.
  func read(_ request: ReadRequest, completion: @escaping @Sendable (Result<Page, StoreRefusal>) -> Void)

  func summary(of topic: TopicName, completion: @escaping @Sendable (Result<TopicSummary?, StoreRefusal>) -> Void)

  /// Topics that match, in order of their names, at most `limit` after the topic `after`.
  func summaries(
    matching pattern: TopicPattern?, after: TopicName?, limit: Int,
    completion: @escaping @Sendable (Result<[TopicSummary], StoreRefusal>) -> Void)

  /// Erases a topic's history; its numbers go on. - Returns: its summary afterwards, nil if there is no such topic.
  func erase(_ topic: TopicName, completion: @escaping @Sendable (Result<TopicSummary?, StoreRefusal>) -> Void)

  /// What the store holds, for metrics and health.
  func statistics() -> StoreStatistics

  /// Why nothing can be committed at the moment, in words for an operator; nil if all is well.
  var trouble: String? { get }

  /// Does what nobody asks for: applies age where nobody publishes or reads, and looks whether trouble is over. Call it
  /// about once a second.
  func sweep()

  /// Does what an operator asks for, beside publishing and reading.
  func perform(_ task: StoreTask, completion: @escaping @Sendable (Result<StoreReport, StoreTaskRefusal>) -> Void)

  /// Commits what waits, and gives everything back that the store has open. It may take as long as the disk does.
  func close()
}

package enum PublishOutcome: Sendable, Equatable {
  /// Committed now: one entry a topic.
  case committed([Published])
  /// An equal key committed this before.
  case repeated([Published])
  case refused(StoreRefusal)
}

package struct Published: Sendable, Equatable {
  package var topic: TopicName
  package var id: Position
  package var seq: UInt64

  package init(topic: TopicName, id: Position, seq: UInt64) {
    self.topic = topic
    self.id = id
    self.seq = seq
  }
}

package enum StoreRefusal: Error, Sendable, Equatable {
  /// The topic's last accepted message is another one; nil if it has none.
  case preconditionFailed(topic: TopicName, current: Position?)
  case keyTableFull(limit: Int)
  /// The key was used for some, but not all, of the item's topics.
  case keyReused(topic: TopicName)
  /// A rewind over a pattern that matches more topics than this.
  case tooManyTopicsToRewind(limit: Int)
  case unavailable(String)
  /// The store was asked and did not say whether it committed.
  case outcomeUnknown(String)
}

/// Where a reader asks to begin.
package enum ReadStart: Sendable, Equatable {
  /// After an id it was given, as text: what cannot be read is a position of an unknown epoch.
  case since(String)
  /// With the oldest held.
  case earliest
  /// With the last n of each topic.
  case rewind(Int)
}

/// Where a reader begins.
package struct StartPoint: Sendable {
  /// The reader's position. It may lie above what this node has seen: the reader then waits.
  package var offset: Offset
  package var subscriptions: [Subscription]
  /// Told first: the position's log is unknown or ended before it.
  package var gap: Gap?
  package var memory: ReadMemory
  /// Up to here messages are a rewind's.
  package var rewindThrough: Offset

  package init(
    offset: Offset, subscriptions: [Subscription], gap: Gap? = nil, memory: ReadMemory, rewindThrough: Offset = 0
  ) {
    self.offset = offset
    self.subscriptions = subscriptions
    self.gap = gap
    self.memory = memory
    self.rewindThrough = rewindThrough
  }
}

package struct TopicSummary: Sendable, Equatable {
  package var topic: TopicName
  /// The last accepted message, held or not.
  package var lastID: Position
  package var lastSeq: UInt64
  /// The oldest held message, if any is held.
  package var oldest: (id: Position, seq: UInt64)?
  package var messages: Int
  package var bytes: Int
  package var retention: Retention

  package init(
    topic: TopicName, lastID: Position, lastSeq: UInt64, oldest: (id: Position, seq: UInt64)?, messages: Int,
    bytes: Int, retention: Retention
  ) {
    self.topic = topic
    self.lastID = lastID
    self.lastSeq = lastSeq
    self.oldest = oldest
    self.messages = messages
    self.bytes = bytes
    self.retention = retention
  }

  package static func == (a: TopicSummary, b: TopicSummary) -> Bool {
    a.topic == b.topic && a.lastID == b.lastID && a.lastSeq == b.lastSeq && a.oldest?.id == b.oldest?.id
      && a.oldest?.seq == b.oldest?.seq && a.messages == b.messages && a.bytes == b.bytes
      && a.retention == b.retention
  }
}

package struct StoreStatistics: Sendable, Equatable {
  package var topics = 0
  package var messages = 0
  /// All memory that counts in the bound.
  package var bytes = 0
  package var idempotencyKeys = 0
  package var droppedByRetention: UInt64 = 0
  package var droppedByMemory: UInt64 = 0
  package var forgottenTopics: UInt64 = 0

  package init() {}
}
