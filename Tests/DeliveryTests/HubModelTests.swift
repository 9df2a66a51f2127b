import Delivery
import StreamLog
import StreamStores
import TestSupport
import Testing
import WireFormat

/// Random subscribers on one hub, over a store that keeps little and a tape of eight: they stall, resume, subscribe
/// later with an older `since`, unsubscribe, drop and come back, and a model that remembers everything checks what
/// each was told.
@Suite struct HubModelTests {
  struct Case: CustomTestStringConvertible {
    let answers: StoreAnswers
    let seeds: ClosedRange<UInt64>

    var testDescription: String { "answers \(answers), seeds \(seeds)" }

    static let all = StoreAnswers.allCases.flatMap { answers in
      Soak.values(gate: [1...2, 7...8], soak: [1...20, 21...40]).map { Case(answers: answers, seeds: $0) }
    }
  }

  @Test(.timeLimit(.minutes(10)), arguments: Case.all)
  func `subscribers that stall and come back miss nothing in silence and hear nothing twice`(model: Case) throws {
    for seed in model.seeds {
      let run = HubModelRun(model.answers, seed: seed)
      try run.go(steps: 1200)
      #expect(run.faults.isEmpty, "seed \(seed)")
      // Seed 36, of the soak, keeps one message for each topic and delivers 285.
      #expect(run.deliveries > (Soak.isOn ? 200 : 300), "seed \(seed)")
    }
  }
}

private final class HubModelRun {
  private let harness: HubHarness
  private var random: SeededGenerator
  private var topics: [String] = []
  private var connections: [HubConnection] = []
  private let names = ["a", "b", "c"].flatMap { first in (0..<5).map { "\(first).\($0)" } }
  private(set) var faults: [String] = []
  var deliveries: Int { Int(harness.hub.currentCounters.deliveries) }

  init(_ answers: StoreAnswers, seed: UInt64) {
    random = SeededGenerator(seed: seed)
    var settings = HubSettings()
    settings.pageMessages = 1 + Int(seed % 4)
    settings.burstMessages = 1 + Int(seed % 7)
    settings.pagesPerTick = 1 + Int(seed % 3)
    harness = HubHarness(answers, keeping: 1 + Int(seed % 6), tapeEntries: 8, hub: settings)
  }

  func go(steps: Int) throws {
    for step in 0..<steps where faults.isEmpty {
      harness.store.shuffle(newestFirst: random.chance(30), late: random.chance(50))
      try act()
      collect("step \(step)")
    }
    harness.store.isAvailable = true
    for connection in connections { resume(connection) }
    harness.advance(seconds: 2)
    harness.work()
    harness.advance(seconds: 2)
    harness.work()
    for connection in connections where faults.isEmpty { connection.finish(topics, head: harness.store.tape.head) }
    collect("at the end")
  }

  private func collect(_ when: String) {
    connections.removeAll { $0.isRefused }
    for connection in connections where !connection.faults.isEmpty {
      faults += connection.faults.prefix(3).map { "\(when): \($0)" }
      faults.append("by \(connection.asks.map { "\($0.pattern) from \($0.from)" }) heard \(connection.log.suffix(30))")
    }
  }

  private func act() throws {
    switch random.below(100) {
    case 0..<35: publish(1 + random.below(random.chance(10) ? 30 : 3))
    case 35..<37: try erase()
    case 37..<55: harness.turn()
    case 55..<65 where connections.count < 10: try connect()
    case 65..<72: if let connection = pick() { connection.sink.takesMore = false }
    case 72..<80: if let connection = pick() { resume(connection) }
    case 80..<85: if let connection = pick() { try add(connection) }
    case 85..<88: if let connection = pick() { remove(connection) }
    case 88..<91: try reconnect()
    case 91: harness.store.isAvailable = false
    case 92:
      harness.store.isAvailable = true
      harness.advance(seconds: 1)
    case 93: harness.work()
    default: harness.turn()
    }
  }

  private func pick() -> HubConnection? { connections.isEmpty ? nil : connections[random.below(connections.count)] }

  private func publish(_ count: Int) {
    let published = (0..<count).map { _ in names[random.below(random.chance(60) ? 3 : names.count)] }
    topics += published
    for connection in connections { connection.topics = topics }
    harness.publish(published)
  }

  private func erase() throws { try harness.erase(names[random.below(names.count)]) }

  private func randomPattern() throws -> TopicPattern {
    try TopicPattern(
      random.chance(65) ? names[random.below(names.count)] : ["a.*", "b.>", "*.1", ">", "c.*"][random.below(5)])
  }

  private func connect() throws {
    let patterns = Array(Set(try (0...random.below(3)).map { _ in try randomPattern() })).sorted {
      $0.string < $1.string
    }
    let head = harness.store.tape.head
    try open(patterns, since: random.chance(40) ? nil : Offset(random.below(Int(head) + 1)))
  }

  private func open(_ patterns: [TopicPattern], since: Offset?) throws {
    let connection = HubConnection(topics)
    connections.append(connection)
    connection.asks = patterns.map { .init(pattern: $0, from: since ?? harness.store.tape.head) }
    connection.handle = try harness.subscribe(
      patterns, start: since.map { harness.since($0) }, sink: connection.sink
    ).0
  }

  private func resume(_ connection: HubConnection) {
    connection.sink.resume()
    harness.hub.ready(connection.handle!)
  }

  private func add(_ connection: HubConnection) throws {
    guard connection.isOpen else { return }
    let pattern = try randomPattern()
    let head = harness.store.tape.head
    if random.chance(30) {
      harness.hub.add([pattern], start: nil, ref: nil, to: connection.handle!) { result in
        connection.began(pattern, result, since: nil, head: head)
      }
    } else {
      let since = Offset(random.below(Int(head) + 1))
      connection.nextRef += 1
      let ref = Ref(connection.nextRef)
      harness.hub.add([pattern], start: harness.since(since), ref: ref, to: connection.handle!) { result in
        connection.began(pattern, result, since: since, head: head, ref: ref)
      }
    }
  }

  private func remove(_ connection: HubConnection) {
    guard let pattern = connection.asks.randomElement(using: &random)?.pattern else { return }
    guard harness.hub.remove([pattern], from: connection.handle!) else { return }
    connection.ended(pattern)
  }

  private func reconnect() throws {
    guard !connections.isEmpty else { return }
    let connection = connections.remove(at: random.below(connections.count))
    harness.hub.unsubscribe(connection.handle!)
    let patterns = Array(Set(connection.asks.map(\.pattern)))
    guard connection.isOpen, !patterns.isEmpty, random.chance(80) else { return }
    try open(patterns, since: connection.last)
  }
}

/// One connection as the model sees it.
private final class HubConnection {
  struct Ask {
    var pattern: TopicPattern
    var from: Offset
  }

  let sink = RecordingSink()
  var handle: SubscriberHandle?
  var asks: [Ask] = []
  var topics: [String]
  var nextRef = 0
  private(set) var isOpen = false
  private(set) var isRefused = false
  /// The last position heard.
  private(set) var last: Offset = 0
  private(set) var faults: [String] = []
  /// What happened, for the reader of a failure.
  private(set) var log: [String] = []
  private var delivered: Set<Offset> = []
  /// Delivered under a subscription that has ended since.
  private var mayRepeat: Set<Offset> = []
  private var gaps: [(pattern: TopicPattern, after: Offset, through: Offset)] = []
  private var awaitedRefs: [Ref] = []
  private var hasEnded: Set<TopicPattern> = []

  init(_ topics: [String]) {
    self.topics = topics
    sink.onHeard = { [unowned self] in hear($0) }
  }

  private func topic(_ offset: Offset) -> TopicName? {
    offset >= 1 && offset <= topics.count ? try? TopicName(topics[Int(offset) - 1]) : nil
  }

  func began(
    _ pattern: TopicPattern, _ result: Result<Offset?, StoreRefusal>, since: Offset?, head: Offset, ref: Ref? = nil
  ) {
    log.append("began \(pattern) since \(since.map { "\($0)" } ?? "now"): \(result)")
    guard case .success(let position?) = result else { return }
    if position > max(last, since ?? 0), since != nil {
      faults.append("began at \(position), not at \(since!) or \(last)")
    }
    asks.append(Ask(pattern: pattern, from: since ?? head))
    if let ref { awaitedRefs.append(ref) }
    if since != nil { last = position }
  }

  func ended(_ pattern: TopicPattern) {
    log.append("ended \(pattern)")
    asks.removeAll { $0.pattern == pattern }
    hasEnded.insert(pattern)
    for offset in delivered where topic(offset).map(pattern.matches) ?? false { mayRepeat.insert(offset) }
  }

  private func hear(_ what: Heard) {
    log.append("\(what)")
    switch what {
    case .opened(let offset):
      isOpen = true
      if let offset { last = offset }
    case .message(let offset), .rewound(let offset): hear(message: offset)
    case .gap(let pattern, let after, let through, _):
      guard let pattern = try? TopicPattern(pattern) else { return faults.append("an unforeseen \(what)") }
      hear(gap: pattern, after: after, through: through)
    case .caughtUp(let offset, let refs):
      if offset < last { faults.append("caught up at \(offset) after \(last)") }
      for case .some(let ref) in refs {
        guard let index = awaitedRefs.firstIndex(of: ref) else { faults.append("caught up for nobody"); continue }
        awaitedRefs.remove(at: index)
      }
      checkTold(through: offset)
      last = offset
    case .refused(.unavailable): isRefused = true
    case .heartbeat, .refused, .dismissed: faults.append("an unforeseen \(what)")
    }
  }

  private func hear(message offset: Offset) {
    guard let topic = topic(offset) else { return faults.append("message \(offset) was never published") }
    if offset <= last { faults.append("message \(offset) after \(last)") }
    if !asks.contains(where: { $0.pattern.matches(topic) && $0.from < offset }) {
      faults.append("message \(offset) of \(topic) was not asked for")
    }
    if !delivered.insert(offset).inserted, mayRepeat.remove(offset) == nil { faults.append("message \(offset) twice") }
    for gap in gaps where gap.pattern.exact == topic && gap.after < offset && offset <= gap.through {
      faults.append("message \(offset) lies in an earlier gap")
    }
    last = max(last, offset)
  }

  private func hear(gap pattern: TopicPattern, after: Offset, through: Offset) {
    if through < last || after >= through { faults.append("gap (\(after), \(through)] after \(last)") }
    // A gap that other subscriptions rely on is announced though its own has ended.
    if !asks.contains(where: { $0.pattern == pattern }), asks.isEmpty || !hasEnded.contains(pattern) {
      faults.append("gap of \(pattern), not subscribed")
    }
    if let exact = pattern.exact {
      let claimed = delivered.filter { after < $0 && $0 <= through && topic($0) == exact && !mayRepeat.contains($0) }
      if !claimed.isEmpty { faults.append("gap \(exact) (\(after), \(through)] has delivered \(claimed)") }
    }
    gaps.append((pattern, after, through))
    last = max(last, through)
  }

  private func checkTold(through offset: Offset) {
    for candidate in stride(from: Offset(1), through: offset, by: 1) where !delivered.contains(candidate) {
      guard let topic = topic(candidate) else { continue }
      for ask in asks where ask.pattern.matches(topic) && ask.from < candidate {
        if !gaps.contains(where: { $0.pattern.matches(topic) && $0.after < candidate && candidate <= $0.through }) {
          return faults.append("message \(candidate) of \(topic) is lost in silence at \(offset)")
        }
      }
    }
  }

  /// Everything has come to rest.
  func finish(_ topics: [String], head: Offset) {
    guard isOpen else { return }
    checkTold(through: head)
    if !awaitedRefs.isEmpty { faults.append("\(awaitedRefs.count) never caught up") }
  }
}
