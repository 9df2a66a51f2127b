import DequeModule
import Locking
import NIOCore
import RedisClient
import StreamLog
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

  /// The session is over: what waits for the log to come back is told what is certain, that it is committed.
  private func lost(_ session: RedisSession, _ error: RedisError) {
    session.close()
    let arrivals = shared.withLock { shared in
      shared.session = nil
      shared.trouble = "Redis at \(redis.connection.endpoint) is away: \(error)"
      defer { shared.arrivals = [] }
      return shared.arrivals
    }
    for arrival in arrivals { arrival.body() }
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
      redis, session, .random(using: &generator),
      seen: (tape.lineage, max(tape.head, shared.withLock { $0.acknowledged })))
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
        if entry.id.offset > head + 1 {
          // The log was trimmed past this node, or an epoch ended before here: readers are told what the topics'
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
    for wake in tape.append(messages) { wake() }
    arrived(RedisEntry.ID(offset: last.offset))
  }

  private func skip(to offset: Offset) {
    for wake in tape.skip(to: offset) { wake() }
    arrived(RedisEntry.ID(offset: tape.head))
  }

  /// - Parameter isAtEnd: whether everything in the log had been read before this was asked.
  private func adopt(_ opened: RedisOpened, isAtEnd: Bool) throws(RedisError) {
    shared.withLock { shared in
      shared.counters = opened.counters
      shared.clock = max(shared.clock, opened.clock)
    }
    let known = tape.lineage
    if opened.lineage != known {
      if let end = opened.lineage.end(of: known.position(tape.head).epoch), end < tape.head {
        shared.withLock { shared in
          shared.followed = RedisEntry.ID(offset: end)
          shared.acknowledged = min(shared.acknowledged, end)
        }
        for wake in tape.setBack(to: end, opened.lineage) { wake() }
        return
      }
      tape.adopt(opened.lineage)
      let new = opened.lineage.entries.filter { entry in !known.entries.contains { $0.epoch == entry.epoch } }
      // What this node has of a lost end nobody else has, and its topics' numbers are given anew.
      if let end = new.last(where: { $0.lost.map { $0.after < tape.head } ?? false }), end.first > tape.head {
        skip(to: end.first - 1)
      }
    }
    if isAtEnd, let last = opened.lineage.entries.last, last.lost != nil, opened.head == last.first - 1,
      tape.head < opened.head
    {
      skip(to: opened.head)
    }
  }

  // MARK: What waits for the log

  /// Runs `body` when this node has followed the log so far.
  func whenFollowed(_ id: RedisEntry.ID, _ body: @escaping @Sendable () -> Void) {
    let isThere = shared.withLock { shared in
      guard shared.followed < id, shared.session != nil else { return true }
      // Replies come in the log's order, so this is nearly always the end.
      let index = shared.arrivals.lastIndex { $0.id <= id }.map { $0 + 1 } ?? 0
      shared.arrivals.insert((id, body), at: index)
      return false
    }
    if isThere { body() }
  }

  private func arrived(_ id: RedisEntry.ID) {
    let bodies = shared.withLock { shared in
      shared.followed = max(shared.followed, id)
      var bodies: [@Sendable () -> Void] = []
      while let first = shared.arrivals.first, first.id <= shared.followed {
        bodies.append(first.body)
        shared.arrivals.removeFirst()
      }
      return bodies
    }
    for body in bodies { body() }
  }
}
