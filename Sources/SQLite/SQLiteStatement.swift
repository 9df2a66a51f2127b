import CSQLite

/// A prepared statement. Parameters are numbered from 1, columns from 0, as SQLite has it.
package final class SQLiteStatement {
  private let handle: OpaquePointer
  private let database: SQLiteDatabase

  init(_ handle: OpaquePointer, of database: SQLiteDatabase) {
    self.handle = handle
    self.database = database
  }

  deinit { sqlite3_finalize(handle) }

  // MARK: Parameters

  package func bind(_ index: Int32, _ value: Int64) { sqlite3_bind_int64(handle, index, value) }
  package func bind(_ index: Int32, _ value: UInt64) { sqlite3_bind_int64(handle, index, Int64(clamping: value)) }
  package func bind(_ index: Int32, _ value: Int) { sqlite3_bind_int64(handle, index, Int64(value)) }

  package func bind(_ index: Int32, _ value: Int64?) {
    if let value { bind(index, value) } else { sqlite3_bind_null(handle, index) }
  }

  package func bind(_ index: Int32, _ value: UInt64?) { bind(index, value.map { Int64(clamping: $0) }) }

  package func bind(_ index: Int32, _ text: String?) {
    guard var text else {
      sqlite3_bind_null(handle, index)
      return
    }
    text.withUTF8 { utf8 in
      _ = utf8.withMemoryRebound(to: CChar.self) {
        sluice_sqlite_bind_text(handle, index, $0.baseAddress, Int32($0.count))
      }
    }
  }

  package func bind(_ index: Int32, _ bytes: [UInt8]) {
    _ = bytes.withUnsafeBytes { sluice_sqlite_bind_blob(handle, index, $0.baseAddress, Int32($0.count)) }
  }

  // MARK: Going through rows

  /// - Returns: whether there is a row. After the last one the statement is ready for its next use.
  package func step() throws(SQLiteError) -> Bool {
    let result = sqlite3_step(handle)
    if result == SQLITE_ROW { return true }
    sqlite3_reset(handle)
    try database.check(result)
    return false
  }

  /// Runs a statement that brings nothing.
  package func run() throws(SQLiteError) {
    while try step() {}
  }

  /// Leaves the rest of the rows.
  package func reset() { sqlite3_reset(handle) }

  // MARK: Columns

  package func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }
  package func int(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
  /// A number that is never negative; one that is, of a damaged file, is 0.
  package func unsigned(_ column: Int32) -> UInt64 { UInt64(clamping: int(column)) }

  package func text(_ column: Int32) -> String? {
    guard let bytes = sqlite3_column_text(handle, column) else { return nil }
    let count = Int(sqlite3_column_bytes(handle, column))
    return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
  }

  package func bytes(_ column: Int32) -> [UInt8] {
    guard let bytes = sqlite3_column_blob(handle, column) else { return [] }
    return [UInt8](UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(handle, column))))
  }
}
