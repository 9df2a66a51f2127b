import Configuration
import FoundationEssentials
import Locking
import Logging
import NIOCore
import RedisClient
import RedisStreamStore
import StreamLog
import StreamStores
import Synchronization
import TLS

/// Opens the store that the configuration names.
enum StoreOpening {
  static func open(
    _ configuration: GatewayConfiguration, epoch: Epoch, ledger: MemoryLedger, logger: Logger
  ) async throws(StoreOpeningError) -> any StreamStore {
    let settings = StoreSettings(configuration)
    switch configuration.store {
    case .memory:
      return MemoryStore(settings: settings, epoch: epoch, ledger: ledger, now: { SystemClock.now })
    case .sqlite(let path):
      var file = SQLiteStoreSettings(path: path)
      file.synchronous = configuration.sqlite.synchronous
      file.busyMilliseconds = Int32(clamping: configuration.sqlite.lockWait.milliseconds)
      file.waitingBytes = configuration.limits.uncommittedBytes
      let began = SystemClock.monotonic
      let store = try SQLiteStore(
        file, settings: settings, epoch: epoch, ledger: ledger, now: { SystemClock.now })
      let statistics = store.statistics()
      logger.info(
        "opened the store",
        metadata: [
          "file": "\(path)", "topics": "\(statistics.topics)", "messages": "\(statistics.messages)",
          "ms": "\((SystemClock.monotonic - began) / 1_000_000)",
        ])
      return store
    case .redis(let endpoint):
      let store = try await RedisStore.open(
        try RedisStoreSettings(endpoint, configuration), settings: settings, epoch: epoch, ledger: ledger,
        now: { SystemClock.now })
      let statistics = store.statistics()
      logger.info(
        "opened the store",
        metadata: [
          "redis": "\(endpoint)", "prefix": "\(configuration.redis.prefix)", "topics": "\(statistics.topics)",
          "messages": "\(statistics.messages)",
        ])
      return store
    }
  }
}

extension RedisStoreSettings {
  init(_ endpoint: RedisEndpoint, _ configuration: GatewayConfiguration) throws(StoreOpeningError) {
    var connection = RedisSettings(endpoint)
    let redis = configuration.redis
    connection.password = try redis.passwordFile.map(Self.secret)
    connection.sentinelPassword = try redis.sentinelPasswordFile.map(Self.secret)
    connection.caFile = redis.ca
    switch (redis.certificate, redis.key) {
    case (let certificate?, let key?): connection.certificate = TLSSettings.Pair(certificate: certificate, key: key)
    case (nil, nil): break
    default: throw StoreOpeningError("redis.certificate and redis.key go together: one is set, the other is not")
    }
    connection.replyTimeout = redis.replyTime.timeAmount
    self.init(connection)
    prefix = redis.prefix
    wait = redis.wait.timeAmount
    logEntries = redis.logMessages
    topics = redis.topics
    waitingBytes = configuration.limits.uncommittedBytes
  }

  /// A file's first line.
  private static func secret(_ path: String) throws(StoreOpeningError) -> String {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw StoreOpeningError("\(path) cannot be read: it is to hold a password for Redis")
    }
    return String(text.prefix { !$0.isNewline })
  }
}

/// Does once a second what nobody asks a store for, and says in the log when it can commit no longer, and when again.
final class StoreWatch: Sendable {
  private let store: any StreamStore
  private let logger: Logger
  private let told = Guarded<String?>(nil)

  init(_ store: any StreamStore, logger: Logger) {
    self.store = store
    self.logger = logger
  }

  func start(on eventLoop: any EventLoop) -> RepeatedTask {
    eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in self.look() }
  }

  private func look() {
    store.sweep()
    let trouble = store.trouble
    let before = told.withLock { told in
      defer { told = trouble }
      return told
    }
    guard trouble != before else { return }
    if let trouble {
      logger.error("nothing can be published", metadata: ["reason": "\(trouble)"])
    } else {
      logger.notice("publishing goes on")
    }
  }
}

extension StoreSettings {
  init(_ configuration: GatewayConfiguration) {
    self.init()
    func retention(_ bounds: HistoryBounds) -> Retention {
      Retention(messages: bounds.messages, ageMilliseconds: Int64(bounds.age.milliseconds), bytes: bounds.bytes)
    }
    self.retention = RetentionRules(
      rules: configuration.topics.map {
        RetentionRules.Rule(match: $0.match, retention: retention(configuration.bounds(of: $0)))
      },
      standard: retention(configuration.history))
    memoryBytes = configuration.limits.memory
    idempotencyKeys = configuration.limits.idempotencyKeys
    idempotencyWindowNanoseconds = UInt64(configuration.idempotency.window.milliseconds) * 1_000_000
  }
}
