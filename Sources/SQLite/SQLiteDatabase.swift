import CSQLite

/// One connection to a database file. It belongs to one thread at a time, its statements too.
package final class SQLiteDatabase {
  package enum Access {
    case readOnly
    /// Made if it is not there.
    case readWrite
  }

  let handle: OpaquePointer
  /// Pages in the write-ahead log after this connection's last commit.
  private let logPages: UnsafeMutablePointer<Int32>

  /// - Parameters:
  ///   - path: of the file; what SQLite makes of special names is switched off.
  ///   - busyMilliseconds: how long to wait for somebody else's lock.
  package init(path: String, _ access: Access, busyMilliseconds: Int32) throws(SQLiteError) {
    let mode = access == .readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
    var handle: OpaquePointer?
    let result = sqlite3_open_v2(path, &handle, mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
    guard result == SQLITE_OK, let handle else {
      let message = handle.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
      sqlite3_close_v2(handle)
      throw SQLiteError(code: result, message: message)
    }
    self.handle = handle
    // Not before: where opening fails nobody would free it.
    logPages = .allocate(capacity: 1)
    logPages.initialize(to: 0)
    sqlite3_wal_hook(
      handle,
      { context, _, _, pages in
        context?.assumingMemoryBound(to: Int32.self).pointee = pages
        return SQLITE_OK
      }, logPages)
    sqlite3_busy_timeout(handle, busyMilliseconds)
  }

  deinit {
    sqlite3_close_v2(handle)
    logPages.deallocate()
  }

  /// Runs statements that bring nothing.
  package func execute(_ sql: String) throws(SQLiteError) {
    try check(sqlite3_exec(handle, sql, nil, nil, nil))
  }

  package func prepare(_ sql: String) throws(SQLiteError) -> SQLiteStatement {
    var statement: OpaquePointer?
    try check(sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil))
    return SQLiteStatement(statement!, of: self)
  }

  /// The first column of the first row, as a number.
  package func number(_ sql: String) throws(SQLiteError) -> Int64? {
    let statement = try prepare(sql)
    return try statement.step() ? statement.int(0) : nil
  }

  /// The first column of each row.
  package func texts(_ sql: String) throws(SQLiteError) -> [String] {
    let statement = try prepare(sql)
    var texts: [String] = []
    while try statement.step() { texts.append(statement.text(0) ?? "") }
    return texts
  }

  package var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }
  /// Rows that the last statement changed.
  package var changes: Int { Int(sqlite3_changes(handle)) }

  /// How long the write-ahead log is. Nothing but `checkpoint` makes it shorter.
  package var writeAheadPages: Int { Int(logPages.pointee) }

  /// Takes everything of the transaction back; what cannot be taken back was not there.
  package func rollBack() {
    if isInTransaction { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
  }

  /// Copies pages of the write-ahead log to the file as far as nobody is in the way, without waiting for anyone.
  ///
  /// - Returns: how many pages the log has, and how many of them are in the file.
  package func checkpoint() throws(SQLiteError) -> (log: Int, done: Int) {
    var log: Int32 = 0
    var done: Int32 = 0
    let result = sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_PASSIVE, &log, &done)
    if result & 0xff != SQLITE_BUSY { try check(result) }
    return (Int(log), Int(done))
  }

  fileprivate var message: String { String(cString: sqlite3_errmsg(handle)) }

  func check(_ result: Int32) throws(SQLiteError) {
    guard result == SQLITE_OK || result == SQLITE_DONE || result == SQLITE_ROW else {
      throw SQLiteError(code: result, message: message)
    }
  }

  package static var version: String { String(cString: sqlite3_libversion()) }
}
