import Locking
import StreamLog
import StreamStores
import Synchronization
import WireFormat

/// The memory store, answering readers when the test says so, as a store behind a file or a network does.
final class SlowStore: StreamStore {
  private struct State {
    var waiting: [@Sendable () -> Void] = []
    var isAvailable = true
    var isNewestFirst = false
    /// Whether what is asked is looked up when the answer comes, not when the question does.
    var looksUpLate = false
  }

  let memory: MemoryStore
  private let isSlow: Bool
  private let state = Guarded(State())

  init(_ memory: MemoryStore, isSlow: Bool) {
    self.memory = memory
    self.isSlow = isSlow
  }

  /// Whether readers are answered at all, or told that it cannot be asked.
  var isAvailable: Bool {
    get { state.withLock { $0.isAvailable } }
    set { state.withLock { $0.isAvailable = newValue } }
  }

  /// How the answers to come are given.
  func shuffle(newestFirst: Bool, late: Bool) {
    state.withLock {
      $0.isNewestFirst = newestFirst
      $0.looksUpLate = late
    }
  }

  /// How many questions wait.
  var waiting: Int { state.withLock { $0.waiting.count } }

  /// Gives all answers that wait.
  func answer() {
    let answers = state.withLock { state in
      defer { state.waiting = [] }
      return state.isNewestFirst ? state.waiting.reversed() : state.waiting
    }
    for answer in answers { answer() }
  }

  /// - Parameter ask: asks the memory store, which answers before it returns.
  private func slowly<Value: Sendable>(
    _ completion: @escaping @Sendable (Result<Value, StoreRefusal>) -> Void,
    _ ask: @escaping @Sendable (@escaping @Sendable (Result<Value, StoreRefusal>) -> Void) -> Void
  ) {
    guard isAvailable else { return enqueue { completion(.failure(.unavailable("the test says so"))) } }
    guard isSlow else { return ask(completion) }
    if state.withLock({ $0.looksUpLate }) {
      enqueue { ask(completion) }
    } else {
      ask { result in self.enqueue { completion(result) } }
    }
  }

  private func enqueue(_ answer: @escaping @Sendable () -> Void) {
    guard isSlow else { return answer() }
    state.withLock { $0.waiting.append(answer) }
  }

  // MARK: StreamStore

  var tape: Tape { memory.tape }

  func append(
    _ items: [PublishItem], publisher: String, completion: @escaping @Sendable ([PublishOutcome]) -> Void
  ) {
    memory.append(items, publisher: publisher, completion: completion)
  }

  func resolve(
    _ start: ReadStart, patterns: [TopicPattern],
    completion: @escaping @Sendable (Result<StartPoint, StoreRefusal>) -> Void
  ) {
    slowly(completion) { self.memory.resolve(start, patterns: patterns, completion: $0) }
  }

  func read(_ request: ReadRequest, completion: @escaping @Sendable (Result<Page, StoreRefusal>) -> Void) {
    slowly(completion) { self.memory.read(request, completion: $0) }
  }

  func summary(
    of topic: TopicName, completion: @escaping @Sendable (Result<TopicSummary?, StoreRefusal>) -> Void
  ) {
    slowly(completion) { self.memory.summary(of: topic, completion: $0) }
  }

  func summaries(
    matching pattern: TopicPattern?, after: TopicName?, limit: Int,
    completion: @escaping @Sendable (Result<[TopicSummary], StoreRefusal>) -> Void
  ) {
    slowly(completion) { self.memory.summaries(matching: pattern, after: after, limit: limit, completion: $0) }
  }

  func erase(
    _ topic: TopicName, completion: @escaping @Sendable (Result<TopicSummary?, StoreRefusal>) -> Void
  ) {
    memory.erase(topic, completion: completion)
  }

  var trouble: String? { memory.trouble }
  func sweep() { memory.sweep() }
  func close() { memory.close() }
  func perform(_ task: StoreTask, completion: @escaping @Sendable (Result<StoreReport, StoreTaskRefusal>) -> Void) {
    memory.perform(task, completion: completion)
  }

  func statistics() -> StoreStatistics { memory.statistics() }
}
