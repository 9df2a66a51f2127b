import DequeModule
import Locking
import NIOCore
import RedisClient
import StreamLog
import StreamStores
import Synchronization

/// The node follows the log: one reader, which puts on the tape what it finds, in the log's order.
extension RedisStore {
  /// How long an idle reading waits, and how often it is looked whether the epoch is still the same.
  private static let idle = TimeAmount.seconds(1)
  private static let longestPause = TimeAmount.seconds(2)
  private static let entriesAtOnce: Int64 = 1000

  /// Follows until the store is closed, through losses of the connection.
  func follow(_ first: RedisSession) async {
    var session = first
    while true {
      do throws(RedisError) {
        try await follow(all: session)
      } catch {
        lost(session, error)
      }
      guard let next = await reconnect() else { return }
      session = next
    }
  }

  /// The session is over: what waits for the log to come back is told that it did not.
  private func lost(_ session: RedisSession, _ error: RedisError) {
    session.close()
    let arrivals = shared.withLock { shared in
      shared.session = nil
      shared.trouble = "Redis at \(redis.connection.endpoint) is away: \(error)"
      defer { shared.arrivals = [] }
      return shared.arrivals
    }
    for arrival in arrivals { arrival.body(false) }
  }

  /// - Returns: nil if the store was closed.
  private func reconnect() async -> RedisSession? {
    var pause = TimeAmount.milliseconds(50)
    while !shared.withLock({ $0.isClosed }) {
      do {
        let session = try await RedisSession.connect(redis, on: eventLoop)
        do {
          try adopt(try await askToOpen(session), isAtEnd: false)
        } catch {
          session.close()
          throw error
        }
        let isClosed = shared.withLock { shared in
          guard !shared.isClosed else { return true }
          shared.session = session
          shared.trouble = nil
          return false
        }
        if isClosed { session.close() } else { submitParked() }
        return isClosed ? nil : session
      } catch {
        shared.withLock { $0.trouble = "Redis at \(redis.connection.endpoint) is away: \(error)" }
      }
      try? await Task.sleep(for: .nanoseconds(pause.nanoseconds))
      pause = min(pause * 2, Self.longestPause)
    }
    return nil
  }

  /// Asks where the log stands, with what this node has seen of it.
  func askToOpen(_ session: RedisSession) async throws(RedisError) -> RedisOpened {
    var generator = SystemRandomNumberGenerator()
    let arguments = Self.openArguments(
      redis, session, .random(using: &generator), clockArgument,
      seen: Seen(lineage: tape.lineage, head: tape.head, clock: shared.withLock { $0.clock }))
    return try RedisOpened(try await RedisScript.open.run(on: session.reading, session.digests, arguments))
  }

  /// Follows until the connection ends.
  private func follow(all session: RedisSession) async throws(RedisError) {
    var lastLook = now().monotonic
    while !shared.withLock({ $0.isClosed }) {
      let cursor = shared.withLock { $0.followed }
      let reply = try await session.following.send(
        [
          "XREAD", "COUNT", .integer(Self.entriesAtOnce), "BLOCK", .integer(Self.idle.nanoseconds / 1_000_000),
          "STREAMS",
          .text(key + "log"), .text(cursor.text),
        ], timeout: redis.connection.replyTimeout + Self.idle)
      var rows: [RESPValue] = []
      if let streams = reply.array, let stream = streams.first?.array, stream.count == 2 {
        rows = stream[1].array ?? []
      }
      if !rows.isEmpty { try await take(rows, session) }
      let time = now().monotonic
      if rows.isEmpty || time &- lastLook > UInt64(Self.idle.nanoseconds) {
        lastLook = time
        try adopt(try await askToOpen(session), isAtEnd: rows.isEmpty)
        submitParked()
      }
    }
  }

  /// Puts entries on the tape.
  private func take(_ rows: [RESPValue], _ session: RedisSession) async throws(RedisError) {
    var messages: [Message] = []
    let committedAt = now().monotonic
    for row in rows {
      guard let entry = RedisEntry(row) else { throw RedisOpened.unreadable }
      let head = messages.last?.offset ?? tape.head
      if entry.id.note == 0, tape.lineage.position(entry.id.offset).epoch.string != entry.epoch {
        // A new epoch, of which this node has to be told first.
        commit(messages)
        messages = []
        try adopt(try await askToOpen(session), isAtEnd: false)
        // What has just been adopted may lie beyond this entry: then it is read again, from there.
        guard tape.lineage.position(entry.id.offset).epoch.string == entry.epoch, entry.id.offset > tape.head else {
          return
        }
      }
      if let clock = entry.clock { shared.withLock { $0.clock = max($0.clock, clock) } }
      switch entry.content {
      case .erased(let topic):
        commit(messages)
        messages = []
        tape.erase(topic, at: entry.clock ?? 1)
        arrived(entry.id)
      case .message:
        guard entry.id.offset > head else { continue }
        if !tape.lineage.isUnbroken(from: head, to: entry.id.offset) {
          // The log was trimmed past this node, or lost something before this epoch: readers are told what the topics'
          // histories have of it.
          commit(messages)
          messages = []
          skip(to: entry.id.offset - 1)
        }
        guard let message = entry.message(tape.lineage, committedAt: committedAt) else { throw RedisOpened.unreadable }
        messages.append(message)
      }
    }
    commit(messages)
  }

  private func commit(_ messages: [Message]) {
    guard let last = messages.last else { return }
    let wakes = tape.append(messages)
    // Before the loops turn to the fan-out, behind which an answer would wait.
    arrived(RedisEntry.ID(offset: last.offset))
    for wake in wakes { wake() }
  }

  private func skip(to offset: Offset) {
    for wake in tape.skip(to: offset) { wake() }
    arrived(RedisEntry.ID(offset: tape.head))
  }

  /// - Parameter isAtEnd: whether everything in the log had been read before this was asked.
  private func adopt(_ opened: RedisOpened, isAtEnd: Bool) throws(RedisError) {
    shared.withLock { shared in
      shared.counters.hear(opened.counters)
      shared.clock = max(shared.clock, opened.clock)
    }
    if opened.lineage != tape.lineage { tape.adopt(opened.lineage) }
    // An epoch that has nothing yet is told of all the same: who crossed over elsewhere comes here with its beginning.
    guard isAtEnd, let last = opened.lineage.entries.last, opened.head == last.first - 1, tape.head < opened.head else {
      return
    }
    if opened.lineage.isUnbroken(from: tape.head, to: last.first) {
      for wake in tape.advance(to: opened.head) { wake() }
      arrived(RedisEntry.ID(offset: opened.head))
    } else {
      skip(to: opened.head)
    }
  }

  // MARK: What waits for the log

  /// Runs `body` when this node has followed the log so far, and with whether what was committed at `position` is in it
  /// still: not if Redis lost it or is away before this node has it. What a node has seen is never forgotten in
  /// silence; nothing else may be acknowledged.
  ///
  /// - Parameter note: the number of a note behind the message.
  func whenFollowed(_ position: Position, note: UInt64 = 0, _ body: @escaping @Sendable (Bool) -> Void) {
    let arrival = RedisArrival(
      id: RedisEntry.ID(offset: position.offset, note: note), position: position, body: body)
    let isWaiting = shared.withLock { shared in
      guard shared.followed < arrival.id, shared.session != nil else { return false }
      // Replies come in the log's order, so this is nearly always the end.
      let index = shared.arrivals.lastIndex { $0.id <= arrival.id }.map { $0 + 1 } ?? 0
      shared.arrivals.insert(arrival, at: index)
      return true
    }
    if !isWaiting { answer(arrival) }
  }

  private func arrived(_ id: RedisEntry.ID) {
    let arrivals = shared.withLock { shared in
      shared.followed = max(shared.followed, id)
      var arrivals: [RedisArrival] = []
      while let first = shared.arrivals.first, first.id <= shared.followed {
        arrivals.append(first)
        shared.arrivals.removeFirst()
      }
      return arrivals
    }
    for arrival in arrivals { answer(arrival) }
  }

  private func answer(_ arrival: RedisArrival) {
    let isThere = shared.withLock { $0.followed >= arrival.id }
    arrival.body(isThere && tape.lineage.contains(arrival.position, head: tape.head))
  }
}

/// What waits until the node has followed the log up to `id`.
struct RedisArrival: Sendable {
  var id: RedisEntry.ID
  var position: Position
  /// Told whether it is there.
  var body: @Sendable (Bool) -> Void
}
