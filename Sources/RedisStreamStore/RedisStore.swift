import DequeModule
import Locking
import NIOCore
import NIOPosix
import RedisClient
package import StreamLog
package import StreamStores
import Synchronization
import WireFormat

/// The store of several nodes: one Redis primary orders one log, which every node follows. What is published here is
/// acknowledged when it has come back in the log, so that all nodes see one order.
package final class RedisStore: StreamStore {
  struct Shared {
    /// nil while Redis is away.
    var session: RedisSession?
    var clock: UInt64 = 1
    var counters = RedisCounters()
    /// Up to where this node has followed the log.
    var followed = RedisEntry.ID(offset: 0)
    var trouble: String?
    /// What waits until this node has followed the log so far, in the log's order.
    var arrivals: Deque<RedisArrival> = []
    var parked: [RedisPublish] = []
    var bytes = 0
    var isClosed = false
  }

  package let tape: Tape
  let settings: StoreSettings
  let redis: RedisStoreSettings
  let now: @Sendable () -> Instant
  /// Whether `now` is every node's clock; otherwise the server's is.
  let ownsClock: Bool
  let shared = Guarded(Shared())
  let eventLoop: any EventLoop
  private let group: MultiThreadedEventLoopGroup
  private let ledger: MemoryLedger
  private let following = Guarded<Task<Void, Never>?>(nil)

  /// Connects, and goes on where the log stands.
  ///
  /// - Parameters:
  ///   - epoch: the name of a new epoch, should one have to be opened now.
  ///   - now: for what this node measures.
  ///   - ownsClock: whether `now` also says what time it is in the log; for tests, which have one node.
  package static func open(
    _ redis: RedisStoreSettings, settings: StoreSettings, epoch: Epoch, ledger: MemoryLedger,
    now: @escaping @Sendable () -> Instant, ownsClock: Bool = false
  ) async throws(StoreOpeningError) -> RedisStore {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    do {
      let session = try await RedisSession.connect(redis, on: group.next())
      let opened = try RedisOpened(
        try await RedisScript.open.run(
          on: session.publishing, session.digests,
          Self.openArguments(redis, session, epoch, ownsClock ? .integer(now().wall) : "", seen: nil)))
      let entries = try await tail(of: session, redis, settings, opened)
      return RedisStore(
        redis, settings: settings, ledger: ledger, now: now, ownsClock: ownsClock, group: group, session: session,
        opened: opened, entries: entries)
    } catch {
      try? await group.shutdownGracefully()
      throw StoreOpeningError("the store \(redis.connection.endpoint) cannot be used: \(error)")
    }
  }

  private init(
    _ redis: RedisStoreSettings, settings: StoreSettings, ledger: MemoryLedger, now: @escaping @Sendable () -> Instant,
    ownsClock: Bool, group: MultiThreadedEventLoopGroup, session: RedisSession, opened: RedisOpened,
    entries: [TapeEntry]
  ) {
    self.redis = redis
    self.settings = settings
    self.ledger = ledger
    self.now = now
    self.ownsClock = ownsClock
    self.group = group
    eventLoop = group.next()
    tape = Tape(
      lineage: opened.lineage, head: opened.head, entries: entries, capacity: Self.tapeCapacity(settings))
    shared.withLock { shared in
      shared.session = session
      shared.clock = opened.clock
      shared.counters = opened.counters
      // With the notes behind the last message, some of them a second time.
      shared.followed = RedisEntry.ID(offset: opened.head)
    }
    following.withLock { $0 = Task { await self.follow(session) } }
  }

  private static func tapeCapacity(_ settings: StoreSettings) -> Tape.Capacity {
    Tape.Capacity(entries: settings.tapeEntries, bytes: min(8 << 20, settings.memoryBytes / 8))
  }

  var key: String { redis.prefix + ":" }
  /// What scripts are told of the time.
  var clockArgument: RedisArgument { ownsClock ? .integer(now().wall) : "" }

  /// Most epochs that are remembered: positions of older ones are of an unknown epoch.
  private static let mostEpochs: Int64 = 1000

  /// What a node has seen of the log.
  struct Seen {
    var lineage: Lineage
    var head: Offset
    var clock: UInt64
  }

  static func openArguments(
    _ redis: RedisStoreSettings, _ session: RedisSession, _ epoch: Epoch, _ time: RedisArgument, seen: Seen?
  ) -> [RedisArgument] {
    var arguments: [RedisArgument] = [
      .text(redis.prefix), .text(session.runID), .text(epoch.string), .integer(mostEpochs), time,
      .integer(Int64(clamping: seen?.clock ?? 1)),
    ]
    guard let seen, seen.head > 0 else { return arguments }
    let last = seen.lineage.lastCommitted(through: seen.head)
    arguments.append(.text(seen.lineage.position(last).epoch.string))
    arguments.append(.integer(Int64(clamping: last)))
    for entry in seen.lineage.entries {
      arguments.append(.text(entry.epoch.string))
      for offset in [entry.first, entry.follows] { arguments.append(.integer(Int64(clamping: offset))) }
      arguments.append(entry.lost.map { .integer(Int64(clamping: $0.after)) } ?? "")
      arguments.append(entry.lost.map { .integer(Int64(clamping: $0.at)) } ?? "")
    }
    return arguments
  }

  /// The newest entries of the log without a hole, for a tape that begins with them.
  private static func tail(
    of session: RedisSession, _ redis: RedisStoreSettings, _ settings: StoreSettings, _ opened: RedisOpened
  ) async throws(RedisError) -> [TapeEntry] {
    let capacity = tapeCapacity(settings)
    var entries: [TapeEntry] = []
    var erased: [TopicName: UInt64] = [:]
    var bytes = 0
    var end = "\(opened.head)-\(UInt64.max)"
    while true {
      let reply = try await session.reading.send(
        ["XREVRANGE", .text(redis.prefix + ":log"), .text(end), "-", "COUNT", 500])
      guard let rows = reply.array, !rows.isEmpty else { return entries.reversed() }
      for row in rows {
        guard let entry = RedisEntry(row) else { throw RedisOpened.unreadable }
        end = "(" + entry.id.text
        if case .erased(let topic) = entry.content {
          erased[topic] = erased[topic] ?? entry.clock ?? 1
          continue
        }
        guard let message = entry.message(opened.lineage, committedAt: 0),
          message.offset == opened.head - UInt64(entries.count), entries.count < capacity.entries,
          bytes + message.cost <= capacity.bytes
        else { return entries.reversed() }
        bytes += message.cost
        entries.append(
          erased[message.topic].map { .erased(ErasedMessage(message, lostAt: $0)) } ?? .message(message))
      }
    }
  }

  // MARK: What it is like

  package var trouble: String? { shared.withLock { $0.trouble } }

  package func statistics() -> StoreStatistics {
    let elsewhere = ledger.total + tape.heldBytes.load(ordering: .relaxed)
    return shared.withLock { shared in
      var result = StoreStatistics()
      result.topics = Int(clamping: shared.counters.topics)
      result.messages = Int(clamping: shared.counters.held)
      result.bytes = elsewhere + shared.bytes
      result.idempotencyKeys = Int(clamping: shared.counters.keys)
      result.droppedByRetention = shared.counters.dropped
      result.forgottenTopics = shared.counters.forgotten
      return result
    }
  }

  /// Beginnings as far as this node has followed the log.
  var beginnings: Beginnings {
    Beginnings(lineage: tape.lineage, head: tape.head, lossClock: shared.withLock { $0.clock })
  }

  package func perform(
    _ task: StoreTask, completion: @escaping @Sendable (Result<StoreReport, StoreTaskRefusal>) -> Void
  ) {
    guard task == .info else {
      return completion(
        .failure(StoreTaskRefusal(.unsupported, "Redis looks after its own files: see its SAVE, BGREWRITEAOF and INFO"))
      )
    }
    let statistics = statistics()
    let session = shared.withLock { $0.session }
    var fields: [(name: String, value: StoreReport.Value)] = [
      ("store", .text("redis")), ("server", .text("\(redis.connection.endpoint)")), ("prefix", .text(redis.prefix)),
      ("state", .text(trouble ?? "connected")), ("head", .text(tape.lineage.position(tape.head).description)),
      ("epochs", .number(tape.lineage.entries.count)), ("topics", .number(statistics.topics)),
      ("messages", .number(statistics.messages)), ("keys", .number(statistics.idempotencyKeys)),
    ]
    if let session { fields.append(("redis", .text(session.publishing.server.version))) }
    completion(.success(StoreReport(fields)))
  }

  // MARK: Going away

  package func close() {
    let session = shared.withLock { shared in
      shared.isClosed = true
      defer { shared.session = nil }
      return shared.session
    }
    session?.close()
    refuseParked()
    let following = following.withLock { $0 }
    following?.cancel()
    Task { [group] in
      // It uses the event loop until then.
      await following?.value
      try? await group.shutdownGracefully()
    }
  }
}
