import DequeModule
import RedisClient
import StreamLog
import StreamStores
import WireFormat

/// What the script `history` says.
struct RedisHistory: Sendable {
  /// One topic with a record.
  struct Topic: Sendable {
    var topic: TopicName
    var last: Offset
    var seq: UInt64
    var forgottenThrough: Offset
    var erasedThrough: Offset
    var lostAt: UInt64
    var messages: Int
    var bytes: Int
    var oldest: (offset: Offset, predecessor: Offset, seq: UInt64)?
    var entries: Deque<Message>
    /// Whether there may be more entries in the window than these.
    var isCut: Bool

    var lostThrough: Offset { oldest?.predecessor ?? max(last, forgottenThrough) }

    var facts: TopicFacts {
      let lostSeq = oldest.map { $0.seq - 1 } ?? seq
      return TopicFacts(
        topic: topic, lostThrough: lostThrough, lostSeq: lostSeq == 0 ? nil : lostSeq, lostAt: lostAt,
        erasedThrough: erasedThrough)
    }

    func summary(_ lineage: Lineage, _ retention: Retention) -> TopicSummary {
      TopicSummary(
        topic: topic, lastID: lineage.position(last), lastSeq: seq,
        oldest: oldest.map { (lineage.position($0.offset), $0.seq) }, messages: messages, bytes: bytes,
        retention: retention)
    }
  }

  var head: Offset
  var clock: UInt64
  /// The highest loss of forgotten topics, and those of the buckets asked for.
  var highest: ForgottenLoss
  var buckets: [ForgottenLoss]
  var topics: [Topic]

  /// The epoch of an answer; nil if Redis has none.
  static func epoch(of reply: RESPValue) -> Epoch? {
    guard let fields = reply.array, fields.count > 1 else { return nil }
    return fields[1].string.flatMap { Epoch($0) }
  }

  /// - Parameters:
  ///   - asked: the topics, as they were asked for.
  ///   - lineage: knows the answer's epoch.
  init(_ reply: RESPValue, asked: ArraySlice<TopicName>, _ lineage: Lineage) throws(RedisError) {
    guard let fields = reply.array, fields.count == 4 + asked.count, let losses = fields[3].array, !losses.isEmpty
    else { throw RedisOpened.unreadable }
    head = UInt64(clamping: fields[0].integer ?? 0)
    clock = UInt64(clamping: fields[2].integer ?? 1)
    let read = losses.map { loss -> ForgottenLoss in
      let parts = (loss.string ?? "").split(separator: " ").compactMap { UInt64($0) }
      return parts.count == 2 ? (parts[0], parts[1]) : (0, 0)
    }
    highest = read[0]
    buckets = Array(read.dropFirst())
    topics = []
    for (topic, field) in zip(asked, fields[4...]) {
      guard let values = field.array else { throw RedisOpened.unreadable }
      if !values.isEmpty { topics.append(try Self.topic(topic, values, lineage)) }
    }
  }

  private static func topic(_ topic: TopicName, _ values: [RESPValue], _ lineage: Lineage) throws(RedisError) -> Topic {
    guard values.count == 10, let oldest = values[7].array, let rows = values[8].array else {
      throw RedisOpened.unreadable
    }
    let numbers = values[..<7].map { UInt64(clamping: $0.integer ?? 0) }
    var result = Topic(
      topic: topic, last: numbers[0], seq: numbers[1], forgottenThrough: numbers[2], erasedThrough: numbers[3],
      lostAt: numbers[4], messages: Int(clamping: numbers[5]), bytes: Int(clamping: numbers[6]), oldest: nil,
      entries: [], isCut: values[9].integer == 1)
    if !oldest.isEmpty {
      guard let entry = RedisEntry(.array(oldest)), case .message(let body) = entry.content else {
        throw RedisOpened.unreadable
      }
      result.oldest = (entry.id.offset, body.predecessor, body.seq)
    }
    for row in rows {
      guard let message = RedisEntry(row)?.message(of: topic, lineage, committedAt: 0) else {
        throw RedisOpened.unreadable
      }
      result.entries.append(message)
    }
    return result
  }
}
