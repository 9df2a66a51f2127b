import Locking
import StreamLog
import StreamStores
import Synchronization
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
  /// A new, empty store on a clock of the test's own.
  let make: @Sendable (StoreOptions) throws -> TestStore

  var testDescription: String { name }

  static let memory = StoreHarness(name: "memory") { options in
    var settings = StoreSettings()
    settings.retention = options.retention
    settings.memoryBytes = options.memoryBytes
    settings.idempotencyKeys = options.idempotencyKeys
    settings.idempotencyWindowNanoseconds = options.idempotencyWindowNanoseconds
    settings.rewindTopics = options.rewindTopics
    settings.tapeEntries = options.tapeEntries
    let clock = ManualClock()
    let store = MemoryStore(settings: settings, epoch: Epoch("e1")!, ledger: MemoryLedger()) { clock.now }
    return TestStore(store: store, clock: clock)
  }

  static let all: [StoreHarness] = [memory]
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
