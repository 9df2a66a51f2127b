import SQLite
import TestSupport
import Testing

/// What goes into a statement comes out of it again.
@Suite struct StatementTests {
  private let folder = TestFolder()
  private let database: SQLiteDatabase

  init() throws {
    database = try SQLiteDatabase(path: folder.path + "/a.db", .readWrite, busyMilliseconds: 0)
    try database.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, v)")
  }

  private func keep(_ bind: (SQLiteStatement) -> Void) throws -> SQLiteStatement {
    let insert = try database.prepare("REPLACE INTO t VALUES (1, ?)")
    bind(insert)
    try insert.run()
    let select = try database.prepare("SELECT v, typeof(v) FROM t")
    #expect(try select.step())
    return select
  }

  @Test(arguments: [Int64.min, -1, 0, 1, .max])
  func `signed numbers keep their value up to their limits`(value: Int64) throws {
    let row = try keep { $0.bind(1, value) }
    #expect(row.int(0) == value && row.text(1) == "integer" && !row.isNull(0))
  }

  @Test func `an unsigned number above what SQLite can hold is its highest`() throws {
    #expect(try keep { $0.bind(1, UInt64.max) }.unsigned(0) == UInt64(Int64.max))
    #expect(try keep { $0.bind(1, UInt64(Int64.max) + 1 as UInt64?) }.int(0) == .max)
    #expect(try keep { $0.bind(1, UInt64(7)) }.unsigned(0) == 7)
  }

  @Test func `a negative number read as unsigned is nought`() throws {
    #expect(try keep { $0.bind(1, Int64(-5)) }.unsigned(0) == 0)
  }

  @Test func `nil is null, of every kind`() throws {
    for bind: (SQLiteStatement) -> Void in [
      { $0.bind(1, nil as Int64?) }, { $0.bind(1, nil as UInt64?) }, { $0.bind(1, nil as String?) },
    ] {
      let row = try keep(bind)
      #expect(row.isNull(0) && row.text(0) == nil && row.bytes(0).isEmpty && row.int(0) == 0)
    }
  }

  @Test(arguments: ["", "a", "grüß 💥", "a\0b"])
  func `text comes back byte for byte, empty too`(text: String) throws {
    let row = try keep { $0.bind(1, text) }
    #expect(row.text(0) == text && row.text(1) == "text")
  }

  @Test(arguments: [[], [0], [0, 255, 0, 7], [UInt8](repeating: 9, count: 100_000)])
  func `bytes come back as they were, and none are no null`(bytes: [UInt8]) throws {
    let row = try keep { $0.bind(1, bytes) }
    #expect(row.bytes(0) == bytes && row.text(1) == "blob" && !row.isNull(0))
  }

  @Test func `after its last row a statement is ready for its next use`() throws {
    try database.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    let select = try database.prepare("SELECT v FROM t WHERE n >= ? ORDER BY n")
    for _ in 0..<2 {
      select.bind(1, 1)
      #expect(try select.step() && select.text(0) == "a")
      #expect(try select.step() && select.text(0) == "b")
      #expect(try !select.step())
    }
    #expect(try select.step())
    select.reset()
    #expect(try select.step() && select.text(0) == "a")
  }

  @Test func `a statement keeps its connection open`() throws {
    var other: SQLiteDatabase? = try SQLiteDatabase(path: folder.path + "/a.db", .readOnly, busyMilliseconds: 0)
    let select = try #require(try other?.prepare("SELECT count(*) FROM t"))
    other = nil
    #expect(try select.step() && select.int(0) == 0)
  }
}
