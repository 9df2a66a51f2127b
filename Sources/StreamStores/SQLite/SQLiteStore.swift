import Locking
import SQLite
package import StreamLog
import Synchronization
package import WireFormat

/// The durable store of one node: a file keeps the messages, memory what is needed to order them. Publishes that wait
/// together commit together, and are seen once they are in the file.
package final class SQLiteStore: StreamStore {
  package let tape: Tape
  let state: SQLiteStateReference
  private let settings: StoreSettings
  let file: SQLiteStoreSettings
  private let ledger: MemoryLedger
  private let now: @Sendable () -> Instant
  let writer: SQLiteWriter
  let checkpoints: SQLiteCheckpoints
  private let reading: SQLiteReading
  private let lock: FileLock

  /// Opens the file and goes on where it ends, in a new epoch.
  package init(
    _ file: SQLiteStoreSettings, settings: StoreSettings, epoch: Epoch, ledger: MemoryLedger,
    now: @escaping @Sendable () -> Instant
  ) throws(StoreOpeningError) {
    self.file = file
    self.settings = settings
    self.ledger = ledger
    self.now = now
    lock = try FileLock(file.path + ".lock")
    let database = try SQLiteSchema.open(file)
    do {
      let loading = SQLiteLoading(database, settings)
      let lineage = try loading.openEpoch(epoch)
      let state = try loading.state(lineage, now: now())
      tape = try loading.tape(
        state, Tape.Capacity(entries: settings.tapeEntries, bytes: min(8 << 20, settings.memoryBytes / 8)))
      var collector = SQLiteCollector()
      try loading.noteGarbage(in: &collector)
      self.state = SQLiteStateReference(state)
      checkpoints = SQLiteCheckpoints(try SQLiteStore.connect(file))
      writer = try SQLiteWriter(
        database, self.state, tape: tape, settings: settings, file: file, checkpoints: checkpoints,
        collector: collector, now: now)
      reading = SQLiteReading(
        try SQLiteReader(try SQLiteStore.connect(file), self.state, tape: tape, settings), writer: writer, file)
    } catch {
      throw StoreOpeningError(error, path: file.path)
    }
  }

  private static func connect(_ file: SQLiteStoreSettings) throws(SQLiteError) -> SQLiteDatabase {
    let database = try SQLiteDatabase(path: file.path, .readWrite, busyMilliseconds: file.busyMilliseconds)
    try SQLiteSchema.prepare(database, file.synchronous)
    return database
  }

  package func append(
    _ items: [PublishItem], publisher: String, completion: @escaping @Sendable ([PublishOutcome]) -> Void
  ) {
    writer.append(items, publisher: publisher, completion: completion)
  }

  package func resolve(
    _ start: ReadStart, patterns: [TopicPattern],
    completion: @escaping @Sendable (Result<StartPoint, StoreRefusal>) -> Void
  ) {
    let now = now().wall
    switch start {
    case .since(let text):
      if let point = state.withLock(\.beginnings).since(text, patterns) { return completion(.success(point)) }
      reading.ask(completion) { (reader) throws(SQLiteError) in
        .success(try reader.fromOldest(patterns, asGap: true, now: now))
      }
    case .earliest:
      reading.ask(completion) { (reader) throws(SQLiteError) in
        .success(try reader.fromOldest(patterns, asGap: false, now: now))
      }
    case .rewind(let count):
      let limit = settings.rewindTopics
      reading.ask(completion) { (reader) throws(SQLiteError) in
        try reader.rewound(patterns, count: count, now: now).map { .success($0) }
          ?? .failure(.tooManyTopicsToRewind(limit: limit))
      }
    }
  }

  package func read(_ request: ReadRequest, completion: @escaping @Sendable (Result<Page, StoreRefusal>) -> Void) {
    if let page = tape.page(request) { return completion(.success(page)) }
    let now = now().wall
    reading.ask(completion) { (reader) throws(SQLiteError) in .success(try reader.page(request, now: now)) }
  }

  package func summary(
    of topic: TopicName, completion: @escaping @Sendable (Result<TopicSummary?, StoreRefusal>) -> Void
  ) {
    let now = now().wall
    let (record, lineage) = state.withLock { ($0.record(of: topic), $0.lineage) }
    guard let record, record.isAged(now) else { return completion(.success(record?.summary(in: lineage))) }
    reading.ask(completion) { (reader) throws(SQLiteError) in
      .success(try reader.summaries([topic], now: now).first)
    }
  }

  package func summaries(
    matching pattern: TopicPattern?, after: TopicName?, limit: Int,
    completion: @escaping @Sendable (Result<[TopicSummary], StoreRefusal>) -> Void
  ) {
    let now = now().wall
    let chosen = TopicListing.choose(
      from: state.withLock { Array($0.topics.names) }, matching: pattern, after: after, limit: limit)
    reading.ask(completion) { (reader) throws(SQLiteError) in .success(try reader.summaries(chosen, now: now)) }
  }

  package func erase(
    _ topic: TopicName, completion: @escaping @Sendable (Result<TopicSummary?, StoreRefusal>) -> Void
  ) {
    writer.erase(topic, completion: completion)
  }

  package func statistics() -> StoreStatistics {
    let elsewhere = ledger.total + tape.heldBytes.load(ordering: .relaxed)
    return state.withLock { $0.statistics(elsewhere: elsewhere) }
  }

  package var trouble: String? { writer.trouble.withLock { $0 } }

  package func sweep() { writer.sweep() }

  package func close() {
    writer.close()
    reading.close()
    // The next start has less to read.
    checkpoints.request()
    checkpoints.close()
  }
}

/// The reader's thread.
final class SQLiteReading: @unchecked Sendable {
  // SAFETY: `reader` belongs to `thread`.
  private let reader: SQLiteReader
  private let writer: SQLiteWriter
  private let file: SQLiteStoreSettings
  private let thread = WorkerThread()

  init(_ reader: SQLiteReader, writer: SQLiteWriter, _ file: SQLiteStoreSettings) {
    self.reader = reader
    self.writer = writer
    self.file = file
  }

  func ask<Value: Sendable>(
    _ completion: @escaping @Sendable (Result<Value, StoreRefusal>) -> Void,
    _ body: @escaping @Sendable (SQLiteReader) throws(SQLiteError) -> Result<Value, StoreRefusal>
  ) {
    thread.async { [self] in
      do throws(SQLiteError) {
        completion(try body(reader))
      } catch {
        writer.trouble.withLock { $0 = $0 ?? SQLiteWriter.trouble(error, file) }
        completion(.failure(.unavailable(SQLiteWriter.reason(error))))
      }
    }
  }

  func close() { thread.stop() }
}
