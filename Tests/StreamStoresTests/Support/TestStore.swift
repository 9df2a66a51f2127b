import StreamLog
import StreamStores
import TestSupport
import WireFormat

/// A store as a test speaks to it: one answer a question, awaited.
struct TestStore: Sendable {
  let store: any StreamStore
  let clock: ManualClock
  /// What it keeps its messages in; it goes with the last copy of this.
  var backing: (any Sendable)?

  // MARK: Publishing

  func append(_ items: [PublishItem], publisher: String = "p") async -> [PublishOutcome] {
    await withCheckedContinuation { answer in
      store.append(items, publisher: publisher) { answer.resume(returning: $0) }
    }
  }

  @discardableResult
  func publish(
    _ topics: String..., text: String = "1", key: String? = nil, ifLast: Precondition? = nil, publisher: String = "p"
  ) async throws -> PublishOutcome {
    let item = try PublishItem.test(topics, text: text, key: key, ifLast: ifLast)
    return await append([item], publisher: publisher)[0]
  }

  /// Publishes to one topic many times.
  func publish(_ topic: String, count: Int) async throws {
    let item = try PublishItem.test([topic])
    for start in stride(from: 0, to: count, by: 1000) {
      _ = await append(Array(repeating: item, count: min(1000, count - start)))
    }
  }

  // MARK: Reading

  func resolve(_ start: ReadStart, _ patterns: String...) async throws -> StartPoint {
    try await resolve(start, patterns.map { try TopicPattern($0) })
  }

  func resolve(_ start: ReadStart, _ patterns: [TopicPattern]) async throws -> StartPoint {
    try await withCheckedThrowingContinuation { answer in
      store.resolve(start, patterns: patterns) { answer.resume(with: $0.mapError { $0 as any Error }) }
    }
  }

  func read(_ request: ReadRequest) async throws -> Page {
    try await withCheckedThrowingContinuation { answer in
      store.read(request) { answer.resume(with: $0.mapError { $0 as any Error }) }
    }
  }

  /// A reader at an offset of this log.
  func reader(since offset: Offset, _ patterns: String...) async throws -> TestReader {
    let position = store.tape.lineage.position(offset)
    return TestReader(
      self, try await resolve(.since(position.description), try patterns.map { try TopicPattern($0) }))
  }

  func reader(_ start: ReadStart, _ patterns: String...) async throws -> TestReader {
    TestReader(self, try await resolve(start, try patterns.map { try TopicPattern($0) }))
  }

  // MARK: Topics

  func summary(_ topic: String) async throws -> TopicSummary? {
    let topic = try TopicName(topic)
    return try await withCheckedThrowingContinuation { answer in
      store.summary(of: topic) { answer.resume(with: $0.mapError { $0 as any Error }) }
    }
  }

  func summaries(
    matching pattern: String? = nil, after: String? = nil, limit: Int = 100
  ) async throws -> [TopicSummary] {
    let pattern = try pattern.map { try TopicPattern($0) }
    let after = try after.map { try TopicName($0) }
    return try await withCheckedThrowingContinuation { answer in
      store.summaries(matching: pattern, after: after, limit: limit) {
        answer.resume(with: $0.mapError { $0 as any Error })
      }
    }
  }

  @discardableResult
  func erase(_ topic: String) async throws -> TopicSummary? {
    let topic = try TopicName(topic)
    return try await withCheckedThrowingContinuation { answer in
      store.erase(topic) { answer.resume(with: $0.mapError { $0 as any Error }) }
    }
  }
}

extension PublishItem {
  static func test(
    _ topics: [String], text: String = "1", key: String? = nil, ifLast: Precondition? = nil
  ) throws -> PublishItem {
    PublishItem(
      topics: try topics.map { try TopicName($0) }, draft: MessageDraft(kind: .json, data: Array(text.utf8)), key: key,
      ifLast: ifLast)
  }
}

extension PublishOutcome {
  /// Of the first topic.
  var published: Published? {
    switch self {
    case .committed(let published), .repeated(let published): published.first
    case .refused: nil
    }
  }

  var refusal: StoreRefusal? {
    if case .refused(let refusal) = self { refusal } else { nil }
  }
}

/// Goes its way through the log page by page.
struct TestReader {
  let store: TestStore
  var subscriptions: SubscriptionSet
  var position: Offset
  var memory: ReadMemory

  init(_ store: TestStore, _ start: StartPoint) {
    self.store = store
    subscriptions = SubscriptionSet(start.subscriptions)
    position = start.offset
    memory = start.memory
  }

  /// One page, up to the store's head unless told otherwise.
  mutating func page(messages: Int = 1000, bytes: Int = 1 << 30, through: Offset? = nil) async throws -> [Told] {
    let page = try await store.read(
      ReadRequest(
        subscriptions: subscriptions, after: position, through: through ?? store.store.tape.head,
        maxMessages: messages, maxBytes: bytes, memory: memory))
    position = page.through
    memory = page.memory
    return page.items.map(Told.init)
  }

  /// Everything up to the head.
  mutating func all(messages: Int = 1000) async throws -> [Told] {
    var told: [Told] = []
    let head = store.store.tape.head
    while position < head { told += try await page(messages: messages, through: head) }
    return told
  }
}

/// What a reader was told, in a form that tests compare and that reads well when they fail.
enum Told: Equatable, CustomStringConvertible {
  case message(String, Offset)
  case gap(String, after: Offset, through: Offset, seq: UInt64?, Gap.Reason)

  init(_ item: Page.Item) {
    switch item {
    case .message(let message): self = .message(message.topic.string, message.offset)
    case .gap(let gap):
      self = .gap(gap.pattern?.string ?? "-", after: gap.after, through: gap.through, seq: gap.seq, gap.reason)
    }
  }

  var offset: Offset {
    switch self {
    case .message(_, let offset): offset
    case .gap(_, _, let through, _, _): through
    }
  }

  var description: String {
    switch self {
    case .message(let topic, let offset): "\(topic)@\(offset)"
    case .gap(let pattern, let after, let through, let seq, let reason):
      "gap \(pattern) (\(after), \(through)] seq \(seq.map { "\($0)" } ?? "?") \(reason)"
    }
  }
}
