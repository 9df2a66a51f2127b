import RedisStreamStore
import StreamLog
import StreamStores
import TestSupport
import Testing
import WireFormat

/// Three nodes over one Redis that loses what it acknowledged, to nodes that are cut off from it meanwhile: a model
/// remembers everything, and readers that move between the nodes hear of it or are told.
@Suite struct RedisLossTests {
  @Test(.timeLimit(.minutes(10)), arguments: Soak.values(gate: [1, 42], soak: Array(1...42) as [UInt64]))
  func `what Redis lost is told to everybody, whoever knew of it`(seed: UInt64) async throws {
    var run = try await LossRun(seed: seed)
    try await run.go(steps: 90)
    #expect(run.faults.isEmpty)
    #expect(run.losses > (Soak.isOn ? 1 : 3) && run.deliveries > 20)
    // Some seeds of the soak have few gaps, because hardly any reader misses what Redis lost.
    if !Soak.isOn { #expect(run.gaps > 10) }
  }

  /// Symptom: an isolated node, back after two losses, went on beyond both and told of the second alone.
  @Test func `two losses in a row are two gaps`() async throws {
    var run = try await LossRun(seed: 0)
    try await run.connect(at: 0)
    try await run.connect(at: 2)
    try await run.publish(at: 0)
    try await run.readAll()
    try await run.isolate(2)
    for _ in 0..<2 {
      try await run.publish(at: 0)
      try await run.publish(at: 1)
      try await run.lose(everything: true)
      try await run.publish(at: 1)
    }
    try await run.finish()
    #expect(run.faults.isEmpty)
    #expect(run.gaps == 4)
  }

  /// A reader that breaks off between two losses still has to hear of the second where it comes to it, and of the first
  /// before: each stands at the beginning of its epoch.
  @Test func `a gap stands where its epoch begins, below the messages of that epoch`() async throws {
    var run = try await LossRun(seed: 0)
    try await run.publish(at: 0)
    try await run.connect(at: 0)
    for _ in 0..<2 {
      try await run.publish(at: 1)
      try await run.lose(everything: false)
      try await run.publish(at: 1)
      try await run.publish(at: 1)
    }
    for _ in 0..<20 {
      try await run.readPage(0, messages: 1)
      try await run.move(0, to: 1)
    }
    try await run.finish()
    #expect(run.faults.isEmpty)
  }

  @Test func `a Redis that comes back with everything has lost nothing`() async throws {
    var run = try await LossRun(seed: 0)
    try await run.connect(at: 0)
    try await run.connect(at: 1)
    try await run.publish(at: 0)
    try run.save()
    try run.reload()
    try await run.publish(at: 1)
    try await run.finish()
    #expect(run.faults.isEmpty && run.gaps == 0 && run.deliveries == 10)
  }
}

private struct LossRun {
  private struct Reader {
    var node: Int
    var reader: TestReader
    var began: Offset
    var heard: [Position] = []
    /// Offsets that it was told it misses, and epochs of which it was told that nothing more can be had.
    var missing: [(after: Offset, through: Offset)] = []
    var ended: [Position] = []
    /// Told that its log is unknown: it began anew.
    var hasBegunAnew = false

    var position: Position { reader.store.store.tape.lineage.position(reader.position) }
  }

  private static let nodes = 3
  private let server: RedisServer
  private let stores: [RedisNode]
  private var isAway = Array(repeating: false, count: nodes)
  private var random: SeededGenerator
  private var acknowledged: [Position] = []
  private var readers: [Reader] = []
  private(set) var faults: [String] = []
  private(set) var losses = 0
  private(set) var deliveries = 0
  private(set) var gaps = 0

  init(seed: UInt64) async throws {
    random = SeededGenerator(seed: seed)
    server = try await RedisServer.start(["--enable-debug-command", "yes"])
    var stores: [RedisNode] = []
    for node in 0..<Self.nodes { stores.append(try await .start(on: server, user: "n\(node)", keeping: 10_000)) }
    self.stores = stores
    try save()
  }

  mutating func go(steps: Int) async throws {
    for node in 0..<Self.nodes { try await connect(at: node) }
    for step in 0..<steps where faults.isEmpty {
      let node = random.below(Self.nodes)
      switch random.below(100) {
      case 0..<35: for _ in 0...random.below(3) { try await publish(at: node) }
      case 35..<60: try await readPage(random.below(readers.count), messages: 1 + random.below(5))
      case 60..<68: try await move(random.below(readers.count), to: node)
      case 68..<74 where readers.count < 8: try await connect(at: node)
      case 74..<82: if isAway[node] { try await heal(node) } else { try await isolate(node) }
      case 82..<88: try save()
      case 88..<94: try await lose(everything: false)
      case 94..<97: try await lose(everything: true)
      default: try await readAll()
      }
      faults = faults.map { "step \(step): \($0)" }
    }
    try await finish()
  }

  // MARK: What happens to Redis

  func save() throws { _ = try server.run(["SAVE"]) }

  /// Back to what was saved last, or to nothing.
  mutating func lose(everything: Bool) async throws {
    losses += 1
    guard everything else { return try reload() }
    _ = try server.run(["FLUSHALL"])
    // Or what was told to be lost would come back.
    try save()
  }

  func reload() throws { _ = try server.run(["DEBUG", "RELOAD", "NOSAVE"]) }

  mutating func isolate(_ node: Int) async throws {
    isAway[node] = true
    try await stores[node].isolate()
  }

  mutating func heal(_ node: Int) async throws {
    isAway[node] = false
    try await stores[node].heal()
  }

  // MARK: What nodes and readers do

  /// A node that is not cut off may refuse while it opens a Redis that was replaced, and takes publishes again later.
  mutating func publish(at node: Int) async throws {
    while true {
      switch try await stores[node].store.publish("a") {
      case .committed(let published): acknowledged += published.map(\.id)
      case .refused(.unavailable) where !isAway[node]:
        try await Task.sleep(for: .milliseconds(5))
        continue
      case .refused(.unavailable), .refused(.outcomeUnknown): break
      case let outcome: faults.append("node \(node): \(outcome)")
      }
      return
    }
  }

  mutating func connect(at node: Int) async throws {
    let store = stores[node].store
    let reader = try await store.reader(since: store.store.tape.head, ">")
    readers.append(Reader(node: node, reader: reader, began: reader.position))
  }

  mutating func readPage(_ index: Int, messages: Int = 1000) async throws {
    guard !isAway[readers[index].node] else { return }
    let store = stores[readers[index].node].store
    let reader = readers[index].reader
    guard reader.position < store.store.tape.head else { return }
    let request = ReadRequest(
      subscriptions: reader.subscriptions, after: reader.position, through: store.store.tape.head,
      maxMessages: messages, maxBytes: 1 << 30, memory: reader.memory)
    // A node that has not heard of an epoch yet asks its reader to come again.
    guard let page = try? await store.read(request) else { return }
    readers[index].reader.position = page.through
    readers[index].reader.memory = page.memory
    for item in page.items {
      switch item {
      case .message(let message): hear(message, index)
      case .gap(let gap):
        gaps += 1
        if gap.reason != .epoch { faults.append("reader \(index): \(gap)") }
        readers[index].missing.append((gap.after, gap.through))
      }
    }
  }

  private mutating func hear(_ message: Message, _ index: Int) {
    deliveries += 1
    let position = readers[index].reader.store.store.tape.lineage.position(message.offset)
    if let last = readers[index].heard.last, last.offset >= position.offset, !readers[index].hasBegunAnew {
      faults.append("reader \(index): \(position) after \(last)")
    }
    if readers[index].heard.contains(position), !readers[index].hasBegunAnew {
      faults.append("reader \(index): \(position) twice")
    }
    readers[index].heard.append(position)
  }

  /// A reader goes on at another node with the id it has.
  mutating func move(_ index: Int, to node: Int) async throws {
    guard !isAway[node] else { return }
    let position = readers[index].position
    guard
      let start = try? await stores[node].store.resolve(.since(position.description), [try TopicPattern(">")])
    else { return }
    readers[index].node = node
    readers[index].reader = TestReader(stores[node].store, start)
    guard let gap = start.gap else { return }
    gaps += 1
    if let after = gap.after {
      readers[index].ended.append(after)
    } else {
      readers[index].missing.append((0, gap.through.offset))
      readers[index].ended.append(Position(epoch: position.epoch, offset: 0))
      readers[index].hasBegunAnew = true
    }
  }

  mutating func readAll() async throws {
    for index in readers.indices {
      while !isAway[readers[index].node],
        readers[index].reader.position < stores[readers[index].node].store.store.tape.head
      {
        try await readPage(index)
      }
    }
  }

  // MARK: The end

  /// Everybody is back, and has read everything.
  mutating func finish() async throws {
    for node in 0..<Self.nodes where isAway[node] { try await heal(node) }
    // A node looks after the log once a second: it has told what it had seen when it knows an epoch opened since.
    for node in 0..<Self.nodes { try await publish(at: node) }
    let last = try await RedisNode.start(on: server, user: "last")
    var fresh = try await last.store.reader(.earliest, ">")
    let survivors = try await fresh.all().map(\.offset)
    let head = fresh.store.store.tape.head
    for node in stores { try await node.until { $0.tape.head >= head } }
    try await readAll()
    for (index, reader) in readers.enumerated() {
      let heard = Set(reader.heard)
      for position in acknowledged where position.offset > reader.began && !heard.contains(position) {
        let isTold =
          reader.missing.contains { $0.after < position.offset && position.offset <= $0.through }
          || reader.ended.contains { $0.epoch == position.epoch && $0.offset < position.offset }
        if !isTold { faults.append("reader \(index): \(position) lost in silence; told \(reader.missing)") }
      }
      let offsets = Set(reader.heard.map(\.offset))
      for offset in survivors where offset > reader.began && !offsets.contains(offset) {
        faults.append("reader \(index): \(offset) is there and never came; told \(reader.missing)")
      }
    }
  }
}
