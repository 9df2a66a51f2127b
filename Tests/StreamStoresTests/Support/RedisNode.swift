import RedisClient
import RedisStreamStore
import StreamLog
import StreamStores
import TestSupport
import Testing

/// A store over a Redis of the test, under a user of its own, so that it can be cut off alone.
struct RedisNode: Sendable {
  let server: RedisServer
  let store: TestStore
  private let user: String

  /// - Parameter change: what is not as by default.
  static func start(
    on given: RedisServer? = nil, user: String = "node", keeping messages: Int = 1000,
    _ change: (inout RedisStoreSettings) -> Void = { _ in }
  ) async throws -> RedisNode {
    let server: RedisServer
    if let given { server = given } else { server = try await RedisServer.start() }
    _ = try server.run(["ACL", "SETUSER", user, "on", ">x", "~*", "&*", "+@all"])
    var settings = RedisStoreSettings(
      RedisSettings(try RedisEndpoint("redis://\(user):x@\(server.host):\(server.port)")))
    settings.prefix = "tests"
    change(&settings)
    let store = try await RedisStore.open(
      settings, settings: StoreOptions.keeping(messages, tapeEntries: 8).settings,
      epoch: try #require(Epoch("start\(user)")), ledger: MemoryLedger(), now: elapsed())
    return RedisNode(
      server: server, store: TestStore(store: store, clock: ManualClock(), backing: StoreCloser(store)), user: user)
  }

  /// Time goes on by itself here: nodes look after the log once a second.
  private static func elapsed() -> @Sendable () -> Instant {
    let start = ContinuousClock.now
    return {
      let time = start.duration(to: .now).components
      let nanoseconds = time.seconds * 1_000_000_000 + time.attoseconds / 1_000_000_000
      return Instant(wall: nanoseconds / 1_000_000, monotonic: UInt64(nanoseconds))
    }
  }

  /// Cuts it off, and waits until it knows.
  func isolate() async throws {
    _ = try server.run(["ACL", "SETUSER", user, "off"])
    _ = try server.run(["CLIENT", "KILL", "USER", user])
    try await until { $0.trouble != nil }
  }

  /// Lets it in again, and waits until it is.
  func heal() async throws {
    _ = try server.run(["ACL", "SETUSER", user, "on"])
    try await until { $0.trouble == nil }
  }

  func until(_ condition: (any StreamStore) -> Bool) async throws {
    while !condition(store.store) { try await Task.sleep(for: .milliseconds(5)) }
  }
}
