import StreamLog
import StreamStores
import TestSupport
import Testing
import WireFormat

/// A store against a model that remembers everything: random publishers, erasures and memory pressure, and readers
/// that read in random pages, drop, and resume from whatever they heard last.
@Suite struct StoreModelTests {
  enum Pressure: String, CaseIterable, CustomTestStringConvertible {
    /// Only retention and erasures lose anything.
    case retention
    /// The memory bound drops histories and forgets topics too.
    case memory

    var testDescription: String { rawValue }
  }

  struct ModelCase: CustomTestStringConvertible {
    let harness: StoreHarness
    let pressure: Pressure
    let seeds: ClosedRange<UInt64>

    var testDescription: String { "\(harness.name) under \(pressure), seeds \(seeds)" }

    static let all = StoreHarness.all.flatMap { harness in
      Pressure.allCases.flatMap { pressure in
        Soak.values(gate: [1...1, 5...5], soak: [1...10, 11...20]).map {
          ModelCase(harness: harness, pressure: pressure, seeds: $0)
        }
      }
    }
  }

  @Test(.timeLimit(.minutes(10)), arguments: ModelCase.all)
  func `every wanted message is delivered or lies in an announced gap`(model: ModelCase) async throws {
    for seed in model.seeds {
      var run = try await ModelRun(model.harness, model.pressure, seed: seed)
      try await run.go(steps: 2000)
      #expect(run.faults.isEmpty, "seed \(seed)")
      #expect(run.deliveries > 1000 && run.gaps > 100, "seed \(seed)")
    }
  }
}

private struct ModelRun {
  private struct Reader {
    var connection: ConnectionModel
    var reader: TestReader
  }

  private let store: TestStore
  private let isForgetful: Bool
  private let topics: [TopicName]
  private var random: SeededGenerator
  private var model = CommitModel()
  private var readers: [Reader] = []
  private(set) var faults: [String] = []
  private(set) var deliveries = 0
  private(set) var gaps = 0

  init(_ harness: StoreHarness, _ pressure: StoreModelTests.Pressure, seed: UInt64) async throws {
    random = SeededGenerator(seed: seed)
    isForgetful = pressure == .memory
    var options = StoreOptions.keeping(1 + Int(seed % 5), tapeEntries: 8)
    options.retention.standard.ageMilliseconds = 500
    options.retention.rules = [
      .init(
        match: try TopicPattern("b.*"), retention: Retention(messages: 30, ageMilliseconds: 5000, bytes: 4000)),
      .init(match: try TopicPattern("c.0"), retention: Retention(messages: 0, ageMilliseconds: 5000, bytes: 4000)),
    ]
    if isForgetful { options.memoryBytes = 24_000 }
    store = try await harness.make(options)
    topics = try ["a", "b", "c"].flatMap { first in try (0..<8).map { try TopicName("\(first).\($0)") } }
  }

  mutating func go(steps: Int) async throws {
    for step in 0..<steps where faults.isEmpty {
      switch random.below(100) {
      case 0..<45: try await publish()
      case 45..<47: try await erase()
      case 47..<50: store.clock.advance(milliseconds: Int64(random.below(400)))
      case 50..<55 where readers.count < 12: try await connect()
      case 55..<60: try await reconnect()
      default: try await read()
      }
      faults = faults.map { "step \(step): \($0)" }
    }
    for index in readers.indices where faults.isEmpty {
      while readers[index].reader.position < store.store.tape.head, faults.isEmpty { try await readPage(index) }
    }
  }

  private mutating func publish() async throws {
    // Most of the traffic goes to few topics, so that others are quiet for long.
    let count = 1 + random.below(3)
    var items: [PublishItem] = []
    for _ in 0..<count {
      let favourite = random.chance(60)
      let picked = Set((0...random.below(2)).map { _ in topics[random.below(favourite ? 4 : topics.count)] })
      items.append(PublishItem(topics: picked.sorted(), draft: MessageDraft(kind: .json, data: Array("1".utf8))))
    }
    for outcome in await store.append(items) {
      guard case .committed(let published) = outcome else {
        faults.append("\(outcome)")
        continue
      }
      for one in published where !model.add(one.topic, offset: one.id.offset, seq: one.seq) {
        faults.append("offset \(one.id.offset) is not the next")
      }
    }
  }

  private mutating func erase() async throws {
    let topic = topics[random.below(topics.count)]
    try await store.erase(topic.string)
    model.erase(topic)
  }

  private mutating func randomPatterns() throws -> [TopicPattern] {
    var patterns: Set<TopicPattern> = []
    for _ in 0...random.below(4) {
      patterns.insert(
        random.chance(70)
          ? TopicPattern(topics[random.below(topics.count)])
          : try TopicPattern(["a.*", "b.>", "*.1", ">", "c.*"][random.below(5)]))
    }
    return patterns.sorted { $0.string < $1.string }
  }

  private mutating func connect() async throws {
    let patterns = try randomPatterns()
    let head = store.store.tape.head
    switch random.below(4) {
    case 0:
      // A reader that begins at the earliest message reaches the tape at last and gets everything that it holds.
      let floor = store.store.tape.floor
      let (lost, _) = try await lostNow(keepingLast: .max)
      let start = try await store.resolve(.earliest, patterns)
      open(start, patterns, unwanted: lost.filter { $0 <= floor }, optional: lost.filter { $0 > floor })
    case 1:
      let count = random.below(4)
      let (unwanted, _) = try await lostNow(keepingLast: count)
      let start = try await store.resolve(.rewind(count), patterns)
      open(start, patterns, unwanted: unwanted)
    case 2:
      // Of no log this store knows: told so, and of what is lost above where it begins.
      let start = try await store.resolve(.since("elsewhere-\(random.below(100))"), patterns)
      if start.gap?.reason != .epoch || start.gap?.through.offset != start.offset { faults.append("no epoch gap") }
      open(start, patterns)
    default:
      try await resume(patterns, after: Offset(random.below(Int(head) + 1)), owed: [])
    }
  }

  /// Every message that is not among the last held of its topic.
  private func lostNow(keepingLast count: Int) async throws -> (Set<Offset>, Offset) {
    var wantedFrom: [TopicName: Offset] = [:]
    for topic in topics {
      guard count > 0, let summary = try await store.summary(topic.string), let oldest = summary.oldest else {
        continue
      }
      let held = model.commits.indices.filter {
        model.commits[$0].topic == topic && Offset($0) + 1 >= oldest.id.offset
      }
      if held.count != summary.messages { return ([], 0) }
      wantedFrom[topic] = held.suffix(count).first.map { Offset($0) + 1 }
    }
    let unwanted = model.commits.indices.filter { Offset($0) + 1 < wantedFrom[model.commits[$0].topic] ?? .max }
    return (Set(unwanted.map { Offset($0) + 1 }), store.store.tape.head)
  }

  private mutating func open(
    _ start: StartPoint, _ patterns: [TopicPattern], unwanted: Set<Offset> = [], optional: Set<Offset> = [],
    owed: Set<Offset> = []
  ) {
    let connection = ConnectionModel(
      patterns: patterns, start: start.offset, unwanted: unwanted, optional: optional, owed: owed)
    readers.append(Reader(connection: connection, reader: TestReader(store, start)))
  }

  private mutating func resume(_ patterns: [TopicPattern], after offset: Offset, owed: Set<Offset>) async throws {
    let id = store.store.tape.lineage.position(offset).description
    let start = try await store.resolve(.since(id), patterns)
    if start.gap != nil || start.offset != offset { faults.append("\(id) is not good") }
    open(start, patterns, owed: owed)
  }

  /// Drops a connection after a part of a page and comes back with the last id heard.
  private mutating func reconnect() async throws {
    guard !readers.isEmpty else { return }
    let index = random.below(readers.count)
    let position = try await readPage(index, dropping: true)
    let old = readers.remove(at: index).connection
    guard random.chance(85), faults.isEmpty else { return }
    try await resume(old.patterns, after: position, owed: old.untold(through: position, in: model))
  }

  private mutating func read() async throws {
    guard !readers.isEmpty else { return }
    try await readPage(random.below(readers.count))
  }

  /// - Returns: the last position heard.
  @discardableResult
  private mutating func readPage(_ index: Int, dropping: Bool = false) async throws -> Offset {
    let head = store.store.tape.head
    let after = readers[index].reader.position
    let isShort = random.chance(10) && head > after
    let through = isShort ? after + UInt64(random.below(Int(head - after)) + 1) : head
    let page = try await store.read(
      ReadRequest(
        subscriptions: readers[index].reader.subscriptions, after: after, through: through,
        maxMessages: 1 + random.below(6), maxBytes: random.chance(10) ? 1 : 1 << 20,
        memory: readers[index].reader.memory))
    readers[index].reader.position = page.through
    readers[index].reader.memory = page.memory
    if page.through > max(through, after) { faults.append("page through \(page.through) beyond \(through)") }
    if page.through == after, page.items.isEmpty, after < through { faults.append("no progress at \(after)") }
    let heard = dropping ? page.items.prefix(random.below(page.items.count + 1)) : page.items[...]
    for item in heard {
      switch item {
      case .message(let message):
        readers[index].connection.receive(message, in: model)
        deliveries += 1
      case .gap(let gap):
        // A page that ends below the tape cannot always tell whether a loss begins in it.
        readers[index].connection.receive(gap, isProvable: !isForgetful && !isShort, in: model)
        gaps += 1
      }
    }
    // Where a page ends because it is full, gaps may stand further on.
    let isPending = page.through < through && !page.memory.outstanding.isEmpty
    if !dropping, !isPending { readers[index].connection.reach(page.through, in: model) }
    if !readers[index].connection.faults.isEmpty {
      faults += readers[index].connection.faults.prefix(3)
      faults.append("by the reader of \(readers[index].connection.patterns) since \(readers[index].connection.start)")
      faults.append("told \(page.items.map(Told.init)) after \(after) through \(page.through) of \(through)")
    }
    return readers[index].connection.position
  }
}
