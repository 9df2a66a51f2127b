import Locking
import NIOCore
import RedisClient
import RedisStreamStore
import StreamLog
import StreamStores
import Synchronization
import TestSupport
import Testing
import WireFormat

/// What a case asks of a store; every store takes the same.
struct StoreOptions: Sendable {
  var retention = RetentionRules()
  var memoryBytes = 1 << 30
  var idempotencyKeys = 1000
  var idempotencyWindowNanoseconds: UInt64 = 300_000_000_000
  var rewindTopics = 100
  var tapeEntries = 8192

  var settings: StoreSettings {
    var settings = StoreSettings()
    settings.retention = retention
    settings.memoryBytes = memoryBytes
    settings.idempotencyKeys = idempotencyKeys
    settings.idempotencyWindowNanoseconds = idempotencyWindowNanoseconds
    settings.rewindTopics = rewindTopics
    settings.tapeEntries = tapeEntries
    return settings
  }

  /// Every topic keeps this many messages.
  static func keeping(_ messages: Int, tapeEntries: Int = 8192) -> StoreOptions {
    var options = StoreOptions()
    options.retention.standard.messages = messages
    options.tapeEntries = tapeEntries
    return options
  }
}

/// A kind of store that the contract suite runs against.
struct StoreHarness: Sendable, CustomTestStringConvertible {
  let name: String
  /// What is very many messages for it, in a debug build.
  var many = 100_000
  /// A new, empty store on a clock of the test's own.
  let make: @Sendable (StoreOptions) async throws -> TestStore

  var testDescription: String { name }

  static let memory = StoreHarness(name: "memory") { options in
    let clock = ManualClock()
    let store = MemoryStore(settings: options.settings, epoch: Epoch("e1")!, ledger: MemoryLedger()) { clock.now }
    return TestStore(store: store, clock: clock)
  }

  static let sqlite = StoreHarness(name: "sqlite") { options in
    let folder = TestFolder()
    let clock = ManualClock()
    // The disk is not what these are about.
    var file = SQLiteStoreSettings(path: folder.path + "/store.db")
    file.synchronous = .normal
    let store = try SQLiteStore(
      file, settings: options.settings, epoch: Epoch("e1")!, ledger: MemoryLedger()
    ) { clock.now }
    return TestStore(store: store, clock: clock, backing: folder)
  }

  static let redis = StoreHarness(name: "redis", many: 10_000) { options in
    let server = try await SharedRedis.shared.server()
    let clock = ManualClock()
    var settings = RedisSettings(try RedisEndpoint("redis://\(server.host):\(server.port)"))
    settings.connectTimeout = .seconds(60)
    settings.replyTimeout = .seconds(120)
    var redis = RedisStoreSettings(settings)
    redis.prefix = "test-\(UInt64.random(in: 0...(.max)))"
    let store = try await RedisStore.open(
      redis, settings: options.settings, epoch: Epoch("e1")!, ledger: MemoryLedger(), now: { clock.now },
      ownsClock: true)
    return TestStore(store: store, clock: clock, backing: StoreCloser(store))
  }

  static let all: [StoreHarness] = [memory, sqlite, redis]
}

/// Time that only a test moves.
final class ManualClock: Sendable {
  private let milliseconds = Guarded<Int64>(1_000_000)

  var now: Instant {
    let now = milliseconds.withLock { $0 }
    return Instant(wall: now, monotonic: UInt64(now) * 1_000_000)
  }

  func advance(milliseconds amount: Int64) {
    milliseconds.withLock { $0 += amount }
  }
}

/// One Redis for all stores of this process; each has keys of its own.
actor SharedRedis {
  static let shared = SharedRedis()
  private var starting: Task<RedisServer, any Error>?

  func server() async throws -> RedisServer {
    let task = starting ?? Task { try await RedisServer.start() }
    starting = task
    return try await task.value
  }
}

/// Closes a store when nobody tests it any more.
final class StoreCloser: Sendable {
  private let store: any StreamStore

  init(_ store: any StreamStore) { self.store = store }

  deinit { store.close() }
}
