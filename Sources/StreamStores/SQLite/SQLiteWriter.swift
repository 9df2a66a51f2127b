import Locking
import SQLite
import StreamLog
import Synchronization
import WireFormat

/// Commits what waits, together: one transaction for as many publishes as came while the one before it was on its way
/// to the disk. Everything here but `append`, `erase` and `run` happens on the writer's own thread.
final class SQLiteWriter: @unchecked Sendable {
  // SAFETY: `waiting` and `trouble` are behind locks; everything else belongs to `thread`.
  enum Command {
    case append(
      [PublishItem], publisher: String, bytes: Int, completion: @Sendable ([PublishOutcome]) -> Void)
    case erase(TopicName, completion: @Sendable (Result<TopicSummary?, StoreRefusal>) -> Void)
    /// Age, keys and garbage, where nobody publishes.
    case sweep
  }

  private struct Waiting {
    var commands: [Command] = []
    var bytes = 0
    var appends = 0
    var isScheduled = false
    var isClosed = false
  }

  /// What a transaction takes at most.
  private static let mostCommands = 4096
  private static let mostBytes = 8 << 20
  /// Topics that a sweep looks at, and messages that it drops and deletes, at most.
  private static let sweepTopics = 1000
  private static let sweepMessages = 5000
  /// The write-ahead log is copied to the file from this length on; from the second one on the writer waits for it.
  private static let checkpointPages = 1000
  private static let longestLog = 16_000

  private let state: SQLiteStateReference
  private let tape: Tape
  private let settings: StoreSettings
  private let file: SQLiteStoreSettings
  private let now: @Sendable () -> Instant
  private let statements: SQLiteWriting
  /// How long the write-ahead log was when a checkpoint was asked for last.
  private var askedAtPages = 0
  private let checkpoints: SQLiteCheckpoints
  private let thread = WorkerThread()
  private let waiting = Guarded(Waiting())
  /// Why nothing can be committed; nil when the last commit went well.
  let trouble = Guarded<String?>(nil)

  private var collector: SQLiteCollector
  private var sweepSlot = 0
  /// For how long and for how many the next transaction waits: what the last ones were like.
  private var lastAppends = 0
  private var lastNanoseconds: UInt64 = 0

  init(
    _ database: SQLiteDatabase, _ state: SQLiteStateReference, tape: Tape, settings: StoreSettings,
    file: SQLiteStoreSettings, checkpoints: SQLiteCheckpoints, collector: SQLiteCollector,
    now: @escaping @Sendable () -> Instant
  ) throws(SQLiteError) {
    self.state = state
    self.tape = tape
    self.settings = settings
    self.file = file
    self.now = now
    self.checkpoints = checkpoints
    self.collector = collector
    statements = try SQLiteWriting(database)
  }

  // MARK: Waiting

  func append(
    _ items: [PublishItem], publisher: String, completion: @escaping @Sendable ([PublishOutcome]) -> Void
  ) {
    let bytes = items.reduce(0) { $0 + ($1.draft.data.count + 256) * $1.topics.count }
    let refusal = enqueue(
      .append(items, publisher: publisher, bytes: bytes, completion: completion), bytes: bytes)
    if let refusal { completion(items.map { _ in .refused(refusal) }) }
  }

  func erase(
    _ topic: TopicName, completion: @escaping @Sendable (Result<TopicSummary?, StoreRefusal>) -> Void
  ) {
    if let refusal = enqueue(.erase(topic, completion: completion), bytes: 0) { completion(.failure(refusal)) }
  }

  func sweep() { _ = enqueue(.sweep, bytes: 0) }

  /// Runs something between two transactions.
  func run(_ body: @escaping @Sendable (SQLiteDatabase) -> Void) {
    thread.async { [self] in body(statements.database) }
  }

  /// Commits what waits and refuses what comes later.
  func close() {
    waiting.withLock { $0.isClosed = true }
    thread.stop()
  }

  private func enqueue(_ command: Command, bytes: Int) -> StoreRefusal? {
    let (refusal, isFirst): (StoreRefusal?, Bool) = waiting.withLock { waiting in
      if waiting.isClosed { return (.unavailable("the gateway is stopping"), false) }
      if bytes > 0, waiting.bytes + bytes > file.waitingBytes, !waiting.commands.isEmpty {
        return (.unavailable("publishes wait for the disk, as many as limits.uncommitted_bytes lets wait"), false)
      }
      waiting.commands.append(command)
      waiting.bytes += bytes
      if case .append = command { waiting.appends += 1 }
      defer { waiting.isScheduled = true }
      return (nil, !waiting.isScheduled)
    }
    if isFirst { thread.async { [self] in commitWaiting() } }
    return refusal
  }

  private func commitWaiting() {
    while true {
      gather()
      let commands: [Command] = waiting.withLock { waiting in
        var taken = 0
        var bytes = 0
        for command in waiting.commands {
          if case .append(_, _, let size, _) = command { bytes += size }
          guard taken == 0 || (taken < Self.mostCommands && bytes <= Self.mostBytes) else { break }
          taken += 1
        }
        let commands = Array(waiting.commands.prefix(taken))
        waiting.commands.removeFirst(taken)
        for case .append(_, _, let size, _) in commands {
          waiting.bytes -= size
          waiting.appends -= 1
        }
        if commands.isEmpty { waiting.isScheduled = false }
        return commands
      }
      guard !commands.isEmpty else { return }
      commit(commands)
    }
  }

  /// Whoever was answered just now publishes again in a moment: with several publishers, waiting for them a little makes
  /// one commit of what would be two. It never waits longer than half of what a commit takes.
  private func gather() {
    guard lastAppends > 1 else { return }
    let began = now().monotonic
    let first = waiting.withLock(\.appends)
    // Those of the last commit and those that came during it.
    let expected = lastAppends + first
    while true {
      let (appends, isClosed) = waiting.withLock { ($0.appends, $0.isClosed) }
      let waited = now().monotonic &- began
      guard appends < expected, !isClosed, waited < lastNanoseconds / 2, first > 0 || appends > 0 || waited < 200_000
      else { return }
      Pause.microseconds(20)
    }
  }

  // MARK: Committing

  /// What a command will be told once its transaction is in the file.
  private enum Answer {
    case published([PublishOutcome])
    case erased(SQLiteTopicRecord?)
    case none
  }

  private func commit(_ commands: [Command]) {
    let began = now()
    state.withLock { $0.keys.expire(now: began.monotonic) }
    var transaction = SQLiteTransaction(state, statements, settings)
    var answers: [Answer] = []
    var isCommitting = false
    do {
      try statements.database.execute("BEGIN IMMEDIATE")
      for command in commands { answers.append(try perform(command, in: &transaction, began)) }
      transaction.forgetTopics()
      if !transaction.isEmpty { try transaction.finish() }
      let isSweep = commands.contains { if case .sweep = $0 { true } else { false } }
      try collector.collect(
        statements, most: 32 + 2 * transaction.changes.messages.count + (isSweep ? Self.sweepMessages : 0),
        topics: isSweep ? Self.sweepTopics : 8, floor: tape.floor)
      if isSweep {
        try statements.deleteKeys(
          committedBy: began.wall - Int64(settings.idempotencyWindowNanoseconds / 1_000_000))
        // Without anything to write, whether writing is possible again would not be found out.
        if trouble.withLock({ $0 != nil }) { try statements.write(head: transaction.changes.head) }
      }
      isCommitting = true
      try statements.database.execute("COMMIT")
    } catch {
      return fail(commands, error, isCommitting: isCommitting)
    }
    trouble.withLock { $0 = nil }
    collector.committed()
    let wakes = publish(transaction)
    // Before the loops turn to the fan-out, behind which an answer would wait.
    answer(commands, answers)
    for wake in wakes { wake() }
    measure(commands, began)
    checkpoint()
  }

  private func perform(
    _ command: Command, in transaction: inout SQLiteTransaction, _ now: Instant
  ) throws(SQLiteError) -> Answer {
    switch command {
    case .append(let items, let publisher, _, _):
      var outcomes: [PublishOutcome] = []
      for item in items {
        var committed: [Message] = []
        outcomes.append(try transaction.publish(item, publisher: publisher, now: now, into: &committed))
        transaction.add(committed)
      }
      return .published(outcomes)
    case .erase(let topic, _):
      return .erased(transaction.erase(topic))
    case .sweep:
      let aged = state.withLock { $0.aged(after: &sweepSlot, budget: Self.sweepTopics, now: now.wall) }
      try transaction.sweep(aged, now: now.wall, most: Self.sweepMessages)
      return .none
    }
  }

  /// Everyone may see it now: memory first, then the tape, in the same order.
  ///
  /// - Returns: what wakes the loops.
  private func publish(_ transaction: SQLiteTransaction) -> [@Sendable () -> Void] {
    let changes = transaction.changes
    for topic in changes.dropped.union(changes.erased) {
      if let record = changes.records[topic] { collector.note(record) }
    }
    for record in changes.forgotten { collector.note(record, isForgotten: true) }
    let monotonic = now().monotonic
    return state.withLock { state in
      for (key, published) in transaction.newKeys { state.keys.remember(key, published, now: monotonic) }
      state.apply(changes)
      let wakes = tape.append(changes.messages)
      for topic in changes.erased { tape.erase(topic, at: state.lossClock) }
      return wakes
    }
  }

  private func answer(_ commands: [Command], _ answers: [Answer]) {
    for (command, answer) in zip(commands, answers) {
      switch (command, answer) {
      case (.append(_, _, _, let completion), .published(let outcomes)): completion(outcomes)
      case (.erase(_, let completion), .erased(let record)):
        completion(.success(record.map { record in state.withLock { record.summary(in: $0.lineage) } }))
      default: break
      }
    }
  }

  /// Nothing of it happened, or nobody can say: what a disk that failed at the very end has of it.
  private func fail(_ commands: [Command], _ error: SQLiteError, isCommitting: Bool) {
    statements.database.rollBack()
    collector.rolledBack()
    lastAppends = 0
    let text = Self.trouble(error, file)
    trouble.withLock { $0 = text }
    let reason = Self.reason(error)
    let refusal: StoreRefusal =
      isCommitting && error.kind != .full ? .outcomeUnknown(reason) : .unavailable(reason)
    for command in commands {
      switch command {
      case .append(let items, _, _, let completion): completion(items.map { _ in .refused(refusal) })
      case .erase(_, let completion): completion(.failure(refusal))
      case .sweep: break
      }
    }
  }

  /// For clients, who need not know where the file is.
  static func reason(_ error: SQLiteError) -> String {
    switch error.kind {
    case .full: "the store has no space left"
    case .busy: "another program has the store locked"
    case .damaged: "the store's file is damaged"
    case .forbidden: "the store's file may not be written"
    case .disk, .other: "the store's disk failed"
    }
  }

  /// For operators.
  static func trouble(_ error: SQLiteError, _ file: SQLiteStoreSettings) -> String {
    switch error.kind {
    case .full: "there is no space left for \(file.path)"
    case .busy: "another program has \(file.path) locked"
    case .damaged: "\(file.path) is damaged (\(error)): sluice store check says where"
    case .forbidden: "\(file.path) may not be written (\(error))"
    case .disk: "the disk failed at \(file.path) (\(error))"
    case .other: "\(file.path): \(error)"
    }
  }

  private func measure(_ commands: [Command], _ began: Instant) {
    lastAppends = commands.reduce(0) { if case .append = $1 { $0 + 1 } else { $0 } }
    lastNanoseconds = now().monotonic &- began.monotonic
  }

  private func checkpoint() {
    let pages = statements.database.writeAheadPages
    // Fewer than then: the log has begun anew.
    if pages < askedAtPages { askedAtPages = 0 }
    guard pages >= askedAtPages + Self.checkpointPages else { return }
    askedAtPages = pages
    // Without anybody writing it reaches the end, and the log begins anew.
    if pages >= Self.longestLog { _ = try? statements.database.checkpoint() } else { checkpoints.request() }
  }
}
