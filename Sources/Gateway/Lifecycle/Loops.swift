import Configuration
import Delivery
import Logging
import LoopTurns
import NIOCore
import StreamLog
import StreamStores
import Transports

/// One event loop's part of the gateway.
struct LoopPart: Sendable {
  let eventLoop: any EventLoop
  let turns: NIOLoopBound<LoopTurns>
  let hub: HubHandle
  let context: NIOLoopBound<TransportContext>
  let publicRoutes: NIOLoopBound<PublicRoutes>
}

/// What one loop counts, for metrics.
struct LoopCounts: Sendable {
  var hub = HubCounters()
  var open: [TransportKind: Int] = [:]
  var opened: [TransportKind: UInt64] = [:]
  var receivedBytes: UInt64 = 0

  mutating func add(_ other: LoopCounts) {
    hub.add(other.hub)
    open.merge(other.open, uniquingKeysWith: +)
    opened.merge(other.opened, uniquingKeysWith: +)
    receivedBytes += other.receivedBytes
  }
}

/// The gateway's loops: a hub, the transports and the routes on each.
final class Loops: Sendable {
  let parts: [LoopPart]
  private let byLoop: [ObjectIdentifier: LoopPart]

  private init(_ parts: [LoopPart]) {
    self.parts = parts
    byLoop = Dictionary(uniqueKeysWithValues: parts.map { (ObjectIdentifier($0.eventLoop), $0) })
  }

  static func make(
    _ group: any EventLoopGroup, store: any StreamStore, configuration: GatewayConfiguration, publisher: Publisher,
    admission: Admission, ledger: MemoryLedger, logger: Logger
  ) async throws -> Loops {
    var parts: [LoopPart] = []
    let loops = Array(group.makeIterator())
    for loop in loops {
      parts.append(
        try await loop.submit {
          let turns = LoopTurns(loop)
          let hub = Hub(
            eventLoop: loop, turns: turns, among: loops, store: store, settings: HubSettings(configuration),
            ledger: ledger,
            clock: { SystemClock.monotonic })
          let context = TransportContext(
            hub: hub, settings: TransportSettings(configuration), publisher: publisher, admission: admission,
            ledger: ledger, logger: logger)
          let handle = HubHandle(hub)
          loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
            handle.execute { $0.beat(seconds: Int32(truncatingIfNeeded: SystemClock.monotonic / 1_000_000_000)) }
          }
          return LoopPart(
            eventLoop: loop, turns: NIOLoopBound(turns, eventLoop: loop), hub: HubHandle(hub),
            context: NIOLoopBound(context, eventLoop: loop),
            publicRoutes: NIOLoopBound(PublicRoutes(context: context, configuration: configuration), eventLoop: loop))
        }.get())
    }
    for part in parts { try await TurnBell.hang(on: part.turns) }
    return Loops(parts)
  }

  subscript(_ loop: any EventLoop) -> LoopPart { byLoop[ObjectIdentifier(loop)]! }

  /// Asks every loop and puts the answers together on `eventLoop`.
  func gather<Value: Sendable>(
    on eventLoop: any EventLoop, _ body: @escaping @Sendable (LoopPart) -> Value
  ) -> EventLoopFuture<[Value]> {
    EventLoopFuture.whenAllSucceed(parts.map { part in part.eventLoop.submit { body(part) } }, on: eventLoop)
  }

  func counts(on eventLoop: any EventLoop) -> EventLoopFuture<LoopCounts> {
    gather(on: eventLoop) { part in
      let context = part.context.value
      return LoopCounts(
        hub: context.hub.currentCounters, open: context.open, opened: context.opened,
        receivedBytes: context.receivedBytes)
    }.map { counts in
      counts.reduce(into: LoopCounts()) { $0.add($1) }
    }
  }
}

extension HubSettings {
  init(_ configuration: GatewayConfiguration) {
    self.init()
    unsentBytes = configuration.limits.memory / 4
  }
}

extension TransportSettings {
  init(_ configuration: GatewayConfiguration) {
    self.init()
    requests.topics = configuration.limits.topicsPerSubscriber
    requests.patterns = configuration.limits.patternsPerSubscriber
    requests.pollWaitSeconds = configuration.limits.pollWait.wholeSeconds
    requests.pollMessages = configuration.limits.pollMessages
    requests.transports = TransportRules(
      configuration.transports,
      rules: configuration.topics.map { TransportRules.Rule(match: $0.match, transports: $0.transports) })
    messageBytes = configuration.limits.messageBytes
    sseHeartbeatSeconds = configuration.heartbeat.sse.wholeSeconds
    ndjsonHeartbeatSeconds = configuration.heartbeat.ndjson.wholeSeconds
    websocketHeartbeatSeconds = configuration.heartbeat.websocket.wholeSeconds
    pongSeconds = configuration.limits.pongTime.wholeSeconds
    retryMilliseconds = configuration.reconnect.min.milliseconds
    compressesWebSockets = configuration.compression.websocket
    compressionLevel = configuration.compression.level
    compressionMinBytes = configuration.compression.minBytes
  }
}
