import SQLite
import StreamLog

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Looks at all of the file, beside publishing and reading.
struct SQLiteMaintenance {
  private let database: SQLiteDatabase
  private let file: SQLiteStoreSettings

  init(_ database: SQLiteDatabase, _ file: SQLiteStoreSettings) {
    self.database = database
    self.file = file
  }

  /// Pages given back by one step of `compact`, between which publishes go on.
  static let compactPages = 256
  /// Most faults that are listed.
  private static let mostFaults = 20

  // MARK: Info

  func info(_ statistics: StoreStatistics, _ lineage: Lineage, head: Offset) throws(SQLiteError) -> StoreReport {
    let page = Int(try database.number("PRAGMA page_size") ?? 0)
    return StoreReport([
      ("store", .text("sqlite")), ("file", .text(file.path)), ("synchronous", .text(file.synchronous.rawValue)),
      ("head", .text(lineage.position(head).description)), ("epochs", .number(lineage.entries.count)),
      ("topics", .number(statistics.topics)), ("messages", .number(statistics.messages)),
      ("rows", .number(Int(try database.number("SELECT count(*) FROM messages") ?? 0))),
      ("keys", .number(Int(try database.number("SELECT count(*) FROM keys") ?? 0))),
      ("file_bytes", .bytes(Int(try database.number("PRAGMA page_count") ?? 0) * page)),
      ("free_bytes", .bytes(Int(try database.number("PRAGMA freelist_count") ?? 0) * page)),
      ("log_bytes", .bytes(Self.size(of: file.path + "-wal"))),
      ("format", .number(Int(SQLiteSchema.version))), ("sqlite", .text(SQLiteDatabase.version)),
    ])
  }

  private static func size(of path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }

  // MARK: Check

  /// SQLite's own look at every page, and then whether what the rows say is what a log is: numbers without holes, each
  /// message with its predecessor, no more and no less than the topics count.
  func check() throws(SQLiteError) -> StoreReport {
    try database.execute("BEGIN")
    defer { database.rollBack() }
    var faults = try database.texts("PRAGMA integrity_check(\(Self.mostFaults))").filter { $0 != "ok" }
    if faults.isEmpty {
      for rule in Self.rules { faults += try database.texts(rule) }
      faults += try changedMessages()
    }
    return StoreReport([
      ("result", .text(faults.isEmpty ? "ok" : "damaged")),
      ("messages", .number(Int(try database.number("SELECT count(*) FROM messages") ?? 0))),
      ("faults", .texts(Array(faults.prefix(Self.mostFaults)))),
    ])
  }

  /// Messages whose bytes are not those that were written.
  private func changedMessages() throws(SQLiteError) -> [String] {
    let select = try database.prepare(
      "SELECT \(SQLiteMessageRow.columns("m")), t.name FROM messages m JOIN topics t ON t.id = m.topic")
    let lineage = Lineage(Epoch("check")!)
    var faults: [String] = []
    while faults.count < Self.mostFaults, try select.step() {
      let name = select.text(SQLiteMessageRow.columnCount) ?? ""
      guard let topic = try? TopicName(name) else {
        faults.append("\"\(name)\" is no topic")
        continue
      }
      do throws(SQLiteError) {
        _ = try SQLiteMessageRow.message(select, topic: topic, lineage: lineage)
      } catch {
        faults.append(error.message)
      }
    }
    select.reset()
    return faults
  }

  /// Each brings a line for every breach.
  private static let rules = [
    """
    SELECT 'message ' || m.offset || ' of ' || t.name || ' does not follow message ' || p.offset FROM (
      SELECT offset, topic, predecessor, seq,
        lag(offset) OVER (PARTITION BY topic ORDER BY offset) AS before,
        lag(seq) OVER (PARTITION BY topic ORDER BY offset) AS before_seq FROM messages) m
    JOIN topics t ON t.id = m.topic JOIN messages p ON p.offset = m.before
    WHERE m.predecessor <> m.before OR m.seq <> m.before_seq + 1 LIMIT 20
    """,
    """
    SELECT t.name || ' holds ' || count(m.offset) || ' messages and counts ' || t.messages FROM topics t
    LEFT JOIN messages m ON m.topic = t.id AND m.offset >= t.oldest_offset
    WHERE NOT t.is_forgotten GROUP BY t.id HAVING count(m.offset) <> t.messages LIMIT 20
    """,
    """
    SELECT 'message ' || m.offset || ' has no topic' FROM messages m
    WHERE NOT EXISTS (SELECT 1 FROM topics t WHERE t.id = m.topic) LIMIT 20
    """,
    """
    SELECT 'message ' || offset || ' lies above the head' FROM messages
    WHERE offset > (SELECT offset FROM head) LIMIT 20
    """,
  ]

  // MARK: Backup

  /// A copy that is whole or not there: it gets its name when it is on the disk.
  func backUp(to path: String) throws(StoreTaskRefusal) -> StoreReport {
    guard path.hasPrefix("/") else {
      throw StoreTaskRefusal(.invalid, "is no absolute path: the gateway writes the backup, on its own machine")
    }
    guard access(path, F_OK) != 0 else {
      throw StoreTaskRefusal(.invalid, "names a file that is there already: give another name")
    }
    let partial = path + ".partial"
    unlink(partial)
    do {
      let copy = try database.prepare("VACUUM INTO ?")
      copy.bind(1, partial)
      try copy.run()
    } catch {
      unlink(partial)
      throw StoreTaskRefusal(.failed, "\(path) cannot be written: \(error)")
    }
    let descriptor = open(partial, O_RDONLY)
    let isSynced = descriptor >= 0 && fsync(descriptor) == 0
    close(descriptor)
    guard isSynced, rename(partial, path) == 0 else {
      let reason = String(cString: strerror(errno))
      unlink(partial)
      throw StoreTaskRefusal(.failed, "\(path) cannot be written: \(reason)")
    }
    return StoreReport([("file", .text(path)), ("file_bytes", .bytes(Self.size(of: path)))])
  }
}

extension SQLiteStore {
  package func perform(
    _ task: StoreTask, completion: @escaping @Sendable (Result<StoreReport, StoreTaskRefusal>) -> Void
  ) {
    switch task {
    case .info:
      let statistics = statistics()
      let (lineage, head) = state.withLock { ($0.lineage, $0.head) }
      look(completion) { (maintenance) throws(SQLiteError) in
        .success(try maintenance.info(statistics, lineage, head: head))
      }
    case .check: look(completion) { (maintenance) throws(SQLiteError) in .success(try maintenance.check()) }
    case .backup(let path):
      look(completion) { maintenance in
        do throws(StoreTaskRefusal) { return .success(try maintenance.backUp(to: path)) } catch {
          return .failure(error)
        }
      }
    case .compact: compact(freed: 0, completion)
    }
  }

  private func look(
    _ completion: @escaping @Sendable (Result<StoreReport, StoreTaskRefusal>) -> Void,
    _ body: @escaping @Sendable (SQLiteMaintenance) throws(SQLiteError) -> Result<StoreReport, StoreTaskRefusal>
  ) {
    checkpoints.run { [file] database in
      do throws(SQLiteError) {
        completion(try body(SQLiteMaintenance(database, file)))
      } catch {
        completion(.failure(StoreTaskRefusal(.failed, SQLiteWriter.trouble(error, file))))
      }
    }
  }

  /// A step at a time on the writer's thread, so that publishes come between.
  private func compact(
    freed: Int, _ completion: @escaping @Sendable (Result<StoreReport, StoreTaskRefusal>) -> Void
  ) {
    writer.run { [self] database in
      do throws(SQLiteError) {
        let free = Int(try database.number("PRAGMA freelist_count") ?? 0)
        try database.execute("PRAGMA incremental_vacuum(\(SQLiteMaintenance.compactPages))")
        let left = Int(try database.number("PRAGMA freelist_count") ?? 0)
        let freed = freed + max(0, free - left)
        if left > 0, left < free { return compact(freed: freed, completion) }
        let page = Int(try database.number("PRAGMA page_size") ?? 0)
        checkpoints.request()
        completion(
          .success(
            StoreReport([
              ("freed_bytes", .bytes(freed * page)),
              ("file_bytes", .bytes(Int(try database.number("PRAGMA page_count") ?? 0) * page)),
            ])))
      } catch {
        completion(.failure(StoreTaskRefusal(.failed, SQLiteWriter.trouble(error, file))))
      }
    }
  }
}
