import SQLite
import TestSupport
import Testing

/// Transactions, changes and the write-ahead log of one connection.
@Suite struct DatabaseTests {
  private let folder = TestFolder()

  private func open(_ access: SQLiteDatabase.Access = .readWrite) throws -> SQLiteDatabase {
    try SQLiteDatabase(path: folder.path + "/a.db", access, busyMilliseconds: 0)
  }

  @Test func `questions bring the first column`() throws {
    let database = try open()
    #expect(try database.number("SELECT 7, 8") == 7)
    #expect(try database.number("SELECT 7 WHERE 0") == nil)
    #expect(try database.texts("SELECT 'a' UNION SELECT 'b' ORDER BY 1") == ["a", "b"])
  }

  @Test func `what is rolled back was not there, and without a transaction nothing is`() throws {
    let database = try open()
    try database.execute("CREATE TABLE t (v); INSERT INTO t VALUES (1)")
    try database.execute("BEGIN IMMEDIATE; INSERT INTO t VALUES (2)")
    #expect(database.isInTransaction)
    database.rollBack()
    #expect(!database.isInTransaction)
    database.rollBack()
    #expect(try database.number("SELECT count(*) FROM t") == 1)
  }

  @Test func `changes are the rows of the last statement`() throws {
    let database = try open()
    try database.execute("CREATE TABLE t (v); INSERT INTO t VALUES (1), (2), (3)")
    #expect(database.changes == 3)
    try database.execute("DELETE FROM t WHERE v > 1")
    #expect(database.changes == 2)
  }

  @Test func `the write-ahead log grows with commits, and begins anew once it is copied`() throws {
    let database = try open()
    try database.execute("PRAGMA journal_mode = wal; CREATE TABLE t (v)")
    let first = database.writeAheadPages
    try database.execute("INSERT INTO t VALUES (1)")
    let second = database.writeAheadPages
    #expect(first > 0 && second > first)
    let (log, done) = try database.checkpoint()
    #expect(log == second && done == second)
    try database.execute("INSERT INTO t VALUES (2)")
    #expect(database.writeAheadPages < second)
  }

  @Test func `a reader keeps the log from being copied further than it has read`() throws {
    let database = try open()
    try database.execute("PRAGMA journal_mode = wal; CREATE TABLE t (v)")
    let reader = try open(.readOnly)
    try reader.execute("BEGIN")
    #expect(try reader.number("SELECT count(*) FROM t") == 0)
    try database.execute("INSERT INTO t VALUES (1)")
    let (log, done) = try database.checkpoint()
    #expect(done < log)
    #expect(try reader.number("SELECT count(*) FROM t") == 0)
    reader.rollBack()
    let after = try database.checkpoint()
    #expect(after.done == after.log)
    #expect(try reader.number("SELECT count(*) FROM t") == 1)
  }
}
