import SQLite

/// How the store's file is laid out. Numbers are as in `Message`, times are milliseconds since 1970.
enum SQLiteSchema {
  /// "Slce", so that no other database is taken for one of ours.
  static let applicationID: Int64 = 0x536c_6365
  static let version: Int64 = 1

  static let sql = """
    -- The epochs of the log, each with its first offset.
    CREATE TABLE lineage (number INTEGER PRIMARY KEY, epoch TEXT NOT NULL, first INTEGER NOT NULL);
    -- Every topic with a record. The oldest held message is null where none is held. A forgotten topic stays until its
    -- messages are gone.
    CREATE TABLE topics (
      id INTEGER PRIMARY KEY, name TEXT NOT NULL, is_forgotten INTEGER NOT NULL,
      last_offset INTEGER NOT NULL, last_seq INTEGER NOT NULL,
      forgotten_through INTEGER NOT NULL, erased_through INTEGER NOT NULL,
      oldest_offset INTEGER, oldest_predecessor INTEGER, oldest_seq INTEGER, oldest_time INTEGER,
      messages INTEGER NOT NULL, bytes INTEGER NOT NULL);
    -- Held messages, and dropped ones until they are collected: the newest of all topics stay for the tape.
    CREATE TABLE messages (
      offset INTEGER PRIMARY KEY, topic INTEGER NOT NULL, predecessor INTEGER NOT NULL, seq INTEGER NOT NULL,
      time INTEGER NOT NULL, kind INTEGER NOT NULL, event TEXT, content_type TEXT, size INTEGER NOT NULL,
      checksum INTEGER NOT NULL, data BLOB NOT NULL);
    CREATE INDEX history ON messages (topic, offset, time, size);
    -- Idempotency keys with what they committed.
    CREATE TABLE keys (
      number INTEGER PRIMARY KEY, publisher TEXT NOT NULL, topic TEXT NOT NULL, key TEXT NOT NULL,
      offset INTEGER NOT NULL, seq INTEGER NOT NULL, committed INTEGER NOT NULL);
    CREATE INDEX expiry ON keys (committed);
    -- Up to where topics without a record may have had messages, by the hash of their name.
    CREATE TABLE forgotten (bucket INTEGER PRIMARY KEY, through INTEGER NOT NULL);
    -- The highest offset ever given, one row: messages are dropped, this is not.
    CREATE TABLE head (number INTEGER PRIMARY KEY CHECK (number = 1), offset INTEGER NOT NULL);
    INSERT INTO head VALUES (1, 0);
    """

  /// Makes a connection one of the gateway's own.
  static func prepare(_ database: SQLiteDatabase, _ synchronous: SQLiteSynchronous) throws(SQLiteError) {
    try database.execute("PRAGMA synchronous = \(synchronous.rawValue)")
    try database.execute("PRAGMA temp_store = memory")
  }

  /// Opens the file for writing, and lays it out if it is new.
  static func open(_ settings: SQLiteStoreSettings) throws(StoreOpeningError) -> SQLiteDatabase {
    do {
      let database = try SQLiteDatabase(
        path: settings.path, .readWrite, busyMilliseconds: settings.busyMilliseconds)
      let id = try database.number("PRAGMA application_id") ?? 0
      let version = try database.number("PRAGMA user_version") ?? 0
      let isEmpty = try database.number("SELECT count(*) FROM sqlite_schema") == 0
      guard id == applicationID || (id == 0 && isEmpty) else {
        throw StoreOpeningError("\(settings.path) is a database, but no store of ours: give sqlite: another path")
      }
      guard version <= self.version else {
        throw StoreOpeningError(
          "\(settings.path) was written by a newer version (format \(version), this one knows \(self.version)): use that"
        )
      }
      if isEmpty { try database.execute("PRAGMA auto_vacuum = incremental") }
      try database.execute("PRAGMA journal_mode = wal")
      try prepare(database, settings.synchronous)
      if isEmpty {
        try database.execute(
          "BEGIN IMMEDIATE; \(sql) PRAGMA application_id = \(applicationID); PRAGMA user_version = \(self.version); COMMIT"
        )
      }
      return database
    } catch let error as SQLiteError {
      throw StoreOpeningError(error, path: settings.path)
    } catch let error as StoreOpeningError {
      throw error
    } catch {
      throw StoreOpeningError("\(error)")
    }
  }
}
