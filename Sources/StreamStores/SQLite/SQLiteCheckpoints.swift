import Locking
import SQLite
import Synchronization

/// Copies the write-ahead log to the file beside the writer, on a thread and a connection of its own; so it does what
/// looks at all of the file, too: checks and backups.
final class SQLiteCheckpoints: @unchecked Sendable {
  // SAFETY: `database` belongs to `thread`.
  private let database: SQLiteDatabase
  private let thread = WorkerThread()
  private let isRequested = Atomic<Bool>(false)

  init(_ database: SQLiteDatabase) { self.database = database }

  func request() {
    guard isRequested.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else { return }
    thread.async { [self] in
      isRequested.store(false, ordering: .relaxed)
      // What it cannot do now is done next time; what is wrong with the file the writer finds out.
      _ = try? database.checkpoint()
    }
  }

  func run(_ body: @escaping @Sendable (SQLiteDatabase) -> Void) {
    thread.async { [self] in body(database) }
  }

  func close() { thread.stop() }
}
