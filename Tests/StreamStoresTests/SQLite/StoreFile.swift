import Foundation
import SQLite
import StreamLog
import StreamStores
import Synchronization
import TestSupport
import Testing

/// A durable store's file over several starts, each in an epoch of its own: e1, e2 and so on.
final class StoreFile: Sendable {
  let clock: ManualClock
  let settings: SQLiteStoreSettings
  private let folder = TestFolder()
  private let starts = Atomic<Int>(0)

  /// - Parameter adjust: changes what the file is opened with; the disk is not what most tests are about.
  init(clock: ManualClock = ManualClock(), _ adjust: (inout SQLiteStoreSettings) -> Void = { _ in }) {
    self.clock = clock
    var settings = SQLiteStoreSettings(path: folder.path + "/store.db")
    settings.synchronous = .normal
    adjust(&settings)
    self.settings = settings
  }

  var path: String { settings.path }
  var folderPath: String { folder.path }

  /// Starts a store for as long as `body` runs, and until nobody has its file any more.
  @discardableResult
  func start<Result>(
    _ options: StoreOptions = StoreOptions(), _ body: (TestStore) async throws -> Result
  ) async throws -> Result {
    let result = try await run(options, body)
    // Its threads may be at their last step.
    while isLocked { try await Task.sleep(for: .milliseconds(1)) }
    return result
  }

  private func run<Result>(_ options: StoreOptions, _ body: (TestStore) async throws -> Result) async throws -> Result {
    let number = starts.wrappingAdd(1, ordering: .relaxed).newValue
    let clock = clock
    let store = try SQLiteStore(
      settings, settings: options.settings, epoch: Epoch("e\(number)")!, ledger: MemoryLedger()
    ) { clock.now }
    defer { store.close() }
    return try await body(TestStore(store: store, clock: clock))
  }

  private var isLocked: Bool {
    let descriptor = open(path + ".lock", O_RDWR)
    defer { close(descriptor) }
    return flock(descriptor, LOCK_EX | LOCK_NB) != 0
  }

  /// A connection beside the store's own.
  func connect(_ access: SQLiteDatabase.Access = .readWrite) throws -> SQLiteDatabase {
    try SQLiteDatabase(path: path, access, busyMilliseconds: 5000)
  }

  func number(_ sql: String) throws -> Int {
    Int(try #require(try connect(.readOnly).number(sql)))
  }

  /// The file as a crash would leave it at this moment: the file itself, and then what is only in its log.
  ///
  /// Between the two nothing may copy the log to the file, so the connection that looks on keeps it from beginning anew.
  func crashed() throws -> StoreFile {
    let onlooker = try connect(.readOnly)
    try onlooker.execute("BEGIN")
    _ = try onlooker.number("SELECT offset FROM head")
    return try closedCopy()
  }

  /// The file while no store has it.
  func closedCopy() throws -> StoreFile {
    let copy = StoreFile(clock: clock) { $0.synchronous = settings.synchronous }
    copy.starts.store(starts.load(ordering: .relaxed), ordering: .relaxed)
    for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: path + suffix) {
      try FileManager.default.copyItem(atPath: path + suffix, toPath: copy.path + suffix)
    }
    return copy
  }

  /// Puts back a copy from before: the store has to be closed.
  func replace(by copy: StoreFile) throws {
    for suffix in ["", "-wal", "-shm"] {
      try? FileManager.default.removeItem(atPath: path + suffix)
      if suffix != "-shm", FileManager.default.fileExists(atPath: copy.path + suffix) {
        try FileManager.default.copyItem(atPath: copy.path + suffix, toPath: path + suffix)
      }
    }
  }
}

extension TestStore {
  /// Waits until everything asked of the writer before is done, by asking it for one thing more.
  func sweep() async throws {
    store.sweep()
    try await erase("nothing.here")
  }
}
