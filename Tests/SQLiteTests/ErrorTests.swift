import Foundation
import SQLite
import TestSupport
import Testing

/// What goes wrong has a kind, so that callers need not know numbers.
@Suite struct ErrorTests {
  private let folder = TestFolder()
  private var path: String { folder.path + "/a.db" }

  private func open(_ access: SQLiteDatabase.Access = .readWrite) throws -> SQLiteDatabase {
    try SQLiteDatabase(path: path, access, busyMilliseconds: 0)
  }

  private func kind(_ body: () throws -> Void) -> SQLiteError.Kind? {
    do { try body() } catch { return (error as? SQLiteError)?.kind }
    return nil
  }

  @Test func `a file that may not grow is full, and goes on once it may`() throws {
    let database = try open()
    try database.execute("CREATE TABLE t (v)")
    let pages = try #require(try database.number("PRAGMA page_count"))
    _ = try database.number("PRAGMA max_page_count = \(pages)")
    #expect(kind { try database.execute("INSERT INTO t VALUES (zeroblob(100000))") } == .full)
    _ = try database.number("PRAGMA max_page_count = 1000000")
    try database.execute("INSERT INTO t VALUES (zeroblob(100000))")
  }

  @Test func `a file that somebody else writes is busy until they are done`() throws {
    let one = try open()
    try one.execute("PRAGMA journal_mode = wal; CREATE TABLE t (v); BEGIN IMMEDIATE")
    let other = try open()
    #expect(kind { try other.execute("BEGIN IMMEDIATE") } == .busy)
    one.rollBack()
    try other.execute("BEGIN IMMEDIATE")
  }

  @Test func `a file that never was a database is damaged`() throws {
    folder.write(String(repeating: "no database, ", count: 1000), to: "a.db")
    #expect(kind { _ = try open().number("PRAGMA user_version") } == .damaged)
  }

  @Test func `a page with something else in it is damaged`() throws {
    do {
      let database = try open()
      try database.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, v)")
      for _ in 0..<20 { try database.execute("INSERT INTO t (v) VALUES (zeroblob(3000))") }
    }
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try file.seek(toOffset: 2 * 4096)
    try file.write(contentsOf: Data(repeating: 0xa5, count: 8 * 4096))
    try file.close()
    let database = try open()
    #expect(kind { _ = try database.number("SELECT sum(length(v)) FROM t") } == .damaged)
  }

  @Test func `a folder that is not there, and a folder in place of the file, are forbidden`() throws {
    for path in [folder.path + "/none/a.db", folder.path] {
      #expect(kind { _ = try SQLiteDatabase(path: path, .readWrite, busyMilliseconds: 0) } == .forbidden)
    }
  }

  @Test func `a file that is not there is not made for reading alone`() {
    #expect(kind { _ = try open(.readOnly) } == .forbidden)
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func `writing through a connection for reading is forbidden`() throws {
    try open().execute("CREATE TABLE t (v)")
    let reader = try open(.readOnly)
    #expect(kind { try reader.execute("INSERT INTO t VALUES (1)") } == .forbidden)
  }

  @Test func `a mistake in a statement is of no special kind and says what it is`() throws {
    let database = try open()
    let error = #expect(throws: SQLiteError.self) { try database.execute("SELEC 1") }
    #expect(error?.kind == .other && error?.description == "near \"SELEC\": syntax error (SQLite 1)")
  }
}
