import DequeModule
import SQLite
import StreamLog
import WireFormat

/// Reads from the file on a thread and a connection of its own, so that no reader waits for the disk of a publish.
///
/// A reading sees the file as of one moment. What is committed is first in the file and then in memory, and rows go
/// from the file only when memory has dropped them; so a look at memory taken after that moment names nothing the
/// file has not, up to the bound that was taken before it.
final class SQLiteReader {
  /// With more topics than this to look at, the log is read instead of each topic's history.
  static let mostHistories = 64
  /// Rows of the log that one page looks at, at most.
  static let mostRows = 8192

  private let database: SQLiteDatabase
  private let state: SQLiteStateReference
  private let tape: Tape
  private let settings: StoreSettings
  private let touch: SQLiteStatement
  private let selectHistory: SQLiteStatement
  private let selectLog: SQLiteStatement
  private let selectFirstAbove: SQLiteStatement
  private let selectNotOlder: SQLiteStatement
  private let sumOlder: SQLiteStatement
  private let selectNthLast: SQLiteStatement

  init(_ database: SQLiteDatabase, _ state: SQLiteStateReference, tape: Tape, _ settings: StoreSettings)
    throws(SQLiteError)
  {
    self.database = database
    self.state = state
    self.tape = tape
    self.settings = settings
    let columns = SQLiteMessageRow.columns("messages")
    touch = try database.prepare("SELECT offset FROM head")
    selectHistory = try database.prepare(
      """
      SELECT \(columns) FROM messages INDEXED BY history
      WHERE topic = ? AND offset > ? AND offset <= ? ORDER BY offset
      """)
    selectLog = try database.prepare(
      "SELECT \(columns), topic FROM messages WHERE offset > ? AND offset <= ? ORDER BY offset LIMIT ?")
    selectFirstAbove = try database.prepare(
      "SELECT predecessor, seq FROM messages INDEXED BY history WHERE topic = ? AND offset > ? ORDER BY offset LIMIT 1")
    selectNotOlder = try database.prepare(
      """
      SELECT offset, time FROM messages INDEXED BY history
      WHERE topic = ? AND offset >= ? AND time >= ? ORDER BY offset LIMIT 1
      """)
    sumOlder = try database.prepare(
      """
      SELECT count(*), coalesce(sum(size), 0), coalesce(max(offset), 0) FROM messages INDEXED BY history
      WHERE topic = ? AND offset >= ? AND offset < ?
      """)
    selectNthLast = try database.prepare(
      """
      SELECT predecessor FROM messages INDEXED BY history
      WHERE topic = ? AND offset >= ? ORDER BY offset DESC LIMIT 1 OFFSET ?
      """)
  }

  /// Runs `body` with the file as of one moment.
  func snapshot<Result>(_ body: () throws(SQLiteError) -> Result) throws(SQLiteError) -> Result {
    try database.execute("BEGIN")
    defer { database.rollBack() }
    _ = try touch.step()
    touch.reset()
    return try body()
  }

  // MARK: Records

  /// A record with its age applied.
  func aged(_ record: SQLiteTopicRecord, now: Int64) throws(SQLiteError) -> SQLiteTopicRecord {
    guard let oldest = record.oldest, record.isAged(now) else { return record }
    selectNotOlder.bind(1, record.id)
    selectNotOlder.bind(2, oldest.offset)
    selectNotOlder.bind(3, now - record.retention.ageMilliseconds)
    let next = try selectNotOlder.step() ? (selectNotOlder.unsigned(0), selectNotOlder.int(1)) : nil
    selectNotOlder.reset()
    sumOlder.bind(1, record.id)
    sumOlder.bind(2, oldest.offset)
    sumOlder.bind(3, next?.0 ?? record.lastOffset + 1)
    _ = try sumOlder.step()
    let (count, size, last) = (Int(sumOlder.int(0)), Int(sumOlder.int(1)), sumOlder.unsigned(2))
    sumOlder.reset()
    var record = record
    record.drop(count, bytes: size + count * Message.overhead, last: last, next: next)
    record.agedThrough = record.lostThrough
    record.agedAt = state.withLock { $0.noteAged(record.topic, through: record.lostThrough) }
    return record
  }

  /// The records that match a pattern and have something above `offset`, newest first, their age applied.
  private func records(
    _ pattern: TopicPattern, newerThan offset: Offset, now: Int64
  ) throws(SQLiteError) -> [SQLiteTopicRecord] {
    let found = state.withLock { state in
      if let topic = pattern.exact { return state.record(of: topic).map { [$0] } ?? [] }
      var found: [SQLiteTopicRecord] = []
      var slot = state.topics.newest
      while slot >= 0, state.topics[slot].lastOffset > offset {
        if pattern.matches(state.topics[slot].topic) { found.append(state.topics[slot]) }
        slot = state.topics[slot].older
      }
      return found
    }
    return try found.map { (record) throws(SQLiteError) in try aged(record, now: now) }
  }

  // MARK: Beginning

  func fromOldest(
    _ patterns: [TopicPattern], asGap: Bool, now: Int64
  ) throws(SQLiteError) -> StartPoint {
    try snapshot { () throws(SQLiteError) in
      var oldest: Offset?
      var lostThrough: [TopicName: Offset] = [:]
      for pattern in patterns {
        for record in try records(pattern, newerThan: 0, now: now) {
          if let first = record.oldest { oldest = min(oldest ?? .max, first.offset) }
          if pattern.exact != nil { lostThrough[record.topic] = record.lostThrough }
        }
      }
      return state.withLock(\.beginnings).fromOldest(
        patterns, asGap: asGap, oldest: oldest, lostThrough: lostThrough)
    }
  }

  /// - Returns: nil for more topics than one rewind may go back in.
  func rewound(_ patterns: [TopicPattern], count: Int, now: Int64) throws(SQLiteError) -> StartPoint? {
    try snapshot { () throws(SQLiteError) in
      var starts: [[TopicName: Offset]] = []
      var topics = 0
      for pattern in patterns {
        var found: [TopicName: Offset] = [:]
        for record in try records(pattern, newerThan: 0, now: now) {
          guard count > 0, let oldest = record.oldest else { continue }
          found[record.topic] =
            count >= record.messages
            ? oldest.predecessor
            : try nthLast(count, of: record.id, from: oldest.offset) ?? oldest.predecessor
          guard topics + found.count <= settings.rewindTopics else { return nil }
        }
        topics += found.count
        starts.append(found)
      }
      return state.withLock(\.beginnings).rewound(patterns, starts: starts)
    }
  }

  private func nthLast(_ count: Int, of topic: Int64, from oldest: Offset) throws(SQLiteError) -> Offset? {
    selectNthLast.bind(1, topic)
    selectNthLast.bind(2, oldest)
    selectNthLast.bind(3, count - 1)
    defer { selectNthLast.reset() }
    return try selectNthLast.step() ? selectNthLast.unsigned(0) : nil
  }

  // MARK: Pages

  func page(_ request: ReadRequest, now: Int64) throws(SQLiteError) -> Page {
    // Taken before the file is looked at: all of it is in there.
    guard let floor = tape.floor(below: request.after) else {
      // It reads on from the tape after all.
      if let page = tape.page(request) { return page }
      return try self.page(request, now: now)
    }
    let through = min(floor, request.through)
    return try snapshot { () throws(SQLiteError) in
      var losses = HistoryLosses(request, through: through, lineage: state.withLock(\.lineage))
      var topics: [TopicName: SQLiteTopicRecord] = [:]
      for (index, subscription) in request.subscriptions.list.enumerated() {
        for record in try records(subscription.pattern, newerThan: request.after, now: now) {
          losses.add(record.facts, to: index)
          topics[record.topic] = record
        }
        let forgotten = state.withLock { state -> ForgottenLoss? in
          guard let topic = subscription.pattern.exact else { return state.forgotten.highest }
          return state.topics.slot(of: topic) == nil ? state.forgotten.loss(of: topic) : nil
        }
        if let forgotten { losses.addForgotten(forgotten, to: index) }
      }
      try prove(&losses, topics, above: through)
      let held = topics.values.filter { record in
        record.oldest.map { $0.offset <= through } ?? false && record.lastOffset > request.after
      }
      let page = PageBuilder(request: request, gaps: losses.gaps)
      return held.count <= Self.mostHistories
        ? try histories(held, page, request, through: through) : try log(held, page, request, through: through)
    }
  }

  private func prove(
    _ losses: inout HistoryLosses, _ topics: [TopicName: SQLiteTopicRecord], above through: Offset
  ) throws(SQLiteError) {
    var first: [TopicName: (predecessor: Offset, seq: UInt64)] = [:]
    for topic in losses.unprovenTopics {
      guard let record = topics[topic] else { continue }
      selectFirstAbove.bind(1, record.id)
      selectFirstAbove.bind(2, through)
      if try selectFirstAbove.step() { first[topic] = (selectFirstAbove.unsigned(0), selectFirstAbove.unsigned(1)) }
      selectFirstAbove.reset()
    }
    losses.prove(first)
  }

  /// Each topic's history by itself, merged.
  private func histories(
    _ topics: [SQLiteTopicRecord], _ page: consuming PageBuilder, _ request: ReadRequest, through: Offset
  ) throws(SQLiteError) -> Page {
    let lineage = state.withLock(\.lineage)
    var merge = HistoryMerge(through: through)
    for record in topics {
      merge.add(try history(record, request, through: through, lineage), from: 0)
    }
    var page = page
    while let message = merge.next() {
      guard page.add(message) else { return page.finish() }
    }
    return page.finish(through: through)
  }

  /// What a page can have of a topic, and one message more, if there is one: then nobody takes the end of this for the
  /// end of the topic.
  private func history(
    _ record: SQLiteTopicRecord, _ request: ReadRequest, through: Offset, _ lineage: Lineage
  ) throws(SQLiteError) -> Deque<Message> {
    var needed = Offset.max
    request.subscriptions.forEachMatch(record.topic) { index in
      needed = min(needed, request.subscriptions.list[index].needs(record.topic, after: request.after))
      return true
    }
    selectHistory.bind(1, record.id)
    selectHistory.bind(2, max(needed, (record.oldest?.offset ?? 1) - 1))
    selectHistory.bind(3, through)
    defer { selectHistory.reset() }
    var history: Deque<Message> = []
    var bytes = 0
    while history.count <= request.maxMessages, try selectHistory.step() {
      guard request.subscriptions.wants(record.topic, at: selectHistory.unsigned(0)) else { continue }
      let isFull = bytes > request.maxBytes
      let message = try SQLiteMessageRow.message(selectHistory, topic: record.topic, lineage: lineage)
      history.append(message)
      bytes += message.encoded.count
      if isFull { break }
    }
    return history
  }

  /// The log, without what is not wanted, as far as one look at it goes.
  private func log(
    _ topics: [SQLiteTopicRecord], _ page: consuming PageBuilder, _ request: ReadRequest, through: Offset
  ) throws(SQLiteError) -> Page {
    let lineage = state.withLock(\.lineage)
    let wanted = Dictionary(uniqueKeysWithValues: topics.map { ($0.id, $0) })
    selectLog.bind(1, request.after)
    selectLog.bind(2, through)
    selectLog.bind(3, Self.mostRows)
    defer { selectLog.reset() }
    var page = page
    var rows = 0
    var last = request.after
    while try selectLog.step() {
      rows += 1
      last = selectLog.unsigned(0)
      guard let record = wanted[selectLog.int(SQLiteMessageRow.columnCount)], let oldest = record.oldest,
        last >= oldest.offset
      else { continue }
      let message = try SQLiteMessageRow.message(selectLog, topic: record.topic, lineage: lineage)
      guard page.add(message) else { return page.finish() }
    }
    return page.finish(through: rows < Self.mostRows ? through : last)
  }

  // MARK: Summaries

  func summaries(_ topics: [TopicName], now: Int64) throws(SQLiteError) -> [TopicSummary] {
    try snapshot { () throws(SQLiteError) in
      var summaries: [TopicSummary] = []
      for topic in topics {
        let (record, lineage) = state.withLock { ($0.record(of: topic), $0.lineage) }
        if let record { summaries.append(try aged(record, now: now).summary(in: lineage)) }
      }
      return summaries
    }
  }
}
