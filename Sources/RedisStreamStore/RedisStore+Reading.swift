import Locking
import NIOCore
import RedisClient
package import StreamLog
package import StreamStores
import Synchronization
import WireFormat

/// What this node's tape does not have is asked of Redis.
extension RedisStore {
  /// Topics that one script looks at.
  private static let topicsAtOnce = 256
  /// Entries and bytes that a page asks of one topic, at most.
  private static let mostEntries = 1000

  /// What entries to ask of each topic.
  private struct Window {
    var after: Offset = 0
    var through: Offset = 0
    var entries = 0
    var bytes = 0
    var isLast = false
  }

  // MARK: Beginning

  package func resolve(
    _ start: ReadStart, patterns: [TopicPattern],
    completion: @escaping @Sendable (Result<StartPoint, StoreRefusal>) -> Void
  ) {
    if case .since(let text) = start, let point = knownStart(text, patterns) { return completion(.success(point)) }
    ask(completion) { (store, session) throws(StoreFailure) in
      switch start {
      case .since(let text):
        // Perhaps this node is behind.
        let opened = try await store.asking { () throws(RedisError) in try await store.askToOpen(session) }
        try await store.waitToAdopt(opened.lineage.current)
        let beginnings = Beginnings(lineage: opened.lineage, head: opened.head, lossClock: opened.clock)
        if let point = beginnings.since(text, patterns) { return point }
        return try await store.fromOldest(patterns, asGap: true, session)
      case .earliest: return try await store.fromOldest(patterns, asGap: false, session)
      case .rewind(let count): return try await store.rewound(patterns, count: count, session)
      }
    }
  }

  /// What Redis says of an epoch that this node has not heard of is of no use here before it has: it would go by
  /// another epoch's name.
  private func waitToAdopt(_ epoch: Epoch) async throws(StoreFailure) {
    let deadline = now().monotonic + 3_000_000_000
    while !tape.lineage.entries.contains(where: { $0.epoch == epoch }) {
      guard now().monotonic < deadline else { throw .refused(.unavailable("Redis is being opened again")) }
      try? await Task.sleep(for: .milliseconds(20))
    }
  }

  /// A start that this node can tell by itself: a position that it has passed, or one of an epoch that is over.
  private func knownStart(_ text: String, _ patterns: [TopicPattern]) -> StartPoint? {
    let beginnings = beginnings
    guard let position = Position(text), let point = beginnings.since(text, patterns) else { return nil }
    return point.gap == nil || position.epoch != beginnings.lineage.current ? point : nil
  }

  private func fromOldest(
    _ patterns: [TopicPattern], asGap: Bool, _ session: RedisSession
  ) async throws(StoreFailure) -> StartPoint {
    let topics = try await names(patterns, newerThan: nil, session)
    let (known, clock, head) = try await histories(topics.all, Window(), buckets: [], session)
    var lostThrough: [TopicName: Offset] = [:]
    for topic in known.topics { lostThrough[topic.topic] = topic.lostThrough }
    return Beginnings(lineage: tape.lineage, head: head, lossClock: clock).fromOldest(
      patterns, asGap: asGap, oldest: known.topics.compactMap { $0.oldest?.offset }.min(), lostThrough: lostThrough)
  }

  private func rewound(
    _ patterns: [TopicPattern], count: Int, _ session: RedisSession
  ) async throws(StoreFailure) -> StartPoint {
    let topics = try await names(patterns, newerThan: nil, session)
    let facts = try await histories(topics.all, Window(), buckets: [], session).history
    let holding = Set(facts.topics.lazy.filter { $0.oldest != nil }.map(\.topic))
    let rewindable = topics.byPattern.map { $0.filter(holding.contains) }
    guard count == 0 || rewindable.reduce(0, { $0 + $1.count }) <= settings.rewindTopics else {
      throw .refused(.tooManyTopicsToRewind(limit: settings.rewindTopics))
    }
    var window = Window()
    window.entries = count
    window.isLast = true
    let (known, clock, head) = try await histories(Array(holding), window, buckets: [], session)
    var starts: [TopicName: Offset] = [:]
    for topic in known.topics { starts[topic.topic] = topic.entries.last?.predecessor }
    return Beginnings(lineage: tape.lineage, head: head, lossClock: clock).rewound(
      patterns,
      starts: rewindable.map { topics in
        Dictionary(uniqueKeysWithValues: topics.compactMap { topic in starts[topic].map { (topic, $0) } })
      })
  }

  // MARK: Pages

  package func read(_ request: ReadRequest, completion: @escaping @Sendable (Result<Page, StoreRefusal>) -> Void) {
    if let page = tape.page(request) { return completion(.success(page)) }
    ask(completion) { (store, session) throws(StoreFailure) in try await store.page(request, session) }
  }

  private func page(_ request: ReadRequest, _ session: RedisSession) async throws(StoreFailure) -> Page {
    // Taken before Redis is asked, which then has everything up to there.
    guard let floor = tape.floor(below: request.after) else {
      if let page = tape.page(request) { return page }
      return try await page(request, session)
    }
    let through = min(floor, request.through)
    let patterns = request.subscriptions.list.map(\.pattern)
    let topics = try await names(patterns, newerThan: request.after, session)
    var window = Window(after: request.after, through: through)
    let share = topics.all.count <= 16 ? request.maxMessages : 2 * request.maxMessages / topics.all.count + 8
    window.entries = min(share, Self.mostEntries)
    window.bytes = topics.all.count <= 16 ? request.maxBytes : request.maxBytes / 8 + 1
    let exact = patterns.compactMap(\.exact)
    let history = try await histories(
      topics.all, window, buckets: exact.map { ForgottenTopics.bucket(of: $0) }, session
    ).history
    let known = Dictionary(uniqueKeysWithValues: history.topics.map { ($0.topic, $0) })
    var merge = HistoryMerge(through: through)
    var end = through
    for topic in history.topics {
      // What lies beyond the last entry of a topic that has more is another page's.
      if topic.isCut, let last = topic.entries.last { end = min(end, last.offset) }
      merge.add(topic.entries, from: 0)
    }
    var losses = HistoryLosses(request, through: through, lineage: tape.lineage)
    for (index, pattern) in patterns.enumerated() {
      for topic in topics.byPattern[index] {
        if let facts = known[topic]?.facts { losses.add(facts, to: index) }
      }
      if let topic = pattern.exact {
        if known[topic] == nil, let bucket = exact.firstIndex(of: topic) {
          losses.addForgotten(history.buckets[bucket], to: index)
        }
      } else {
        losses.addForgotten(history.highest, to: index)
      }
    }
    if !losses.unprovenTopics.isEmpty {
      losses.prove(tape.firstEntries(of: losses.unprovenTopics).mapValues { ($0.predecessor, $0.seq) })
    }
    var page = PageBuilder(request: request, gaps: losses.gaps)
    while let message = merge.next(), message.offset <= end {
      guard page.add(message) else { return page.finish() }
    }
    return page.finish(through: end)
  }

  // MARK: Topics

  package func summary(
    of topic: TopicName, completion: @escaping @Sendable (Result<TopicSummary?, StoreRefusal>) -> Void
  ) {
    ask(completion) { (store, session) throws(StoreFailure) in try await store.summaries([topic], session).first }
  }

  package func summaries(
    matching pattern: TopicPattern?, after: TopicName?, limit: Int,
    completion: @escaping @Sendable (Result<[TopicSummary], StoreRefusal>) -> Void
  ) {
    ask(completion) { (store, session) throws(StoreFailure) in
      let names = try await store.allNames(newerThan: nil, session)
      return try await store.summaries(
        TopicListing.choose(from: names, matching: pattern, after: after, limit: limit), session)
    }
  }

  private func summaries(_ topics: [TopicName], _ session: RedisSession) async throws(StoreFailure) -> [TopicSummary] {
    let history = try await histories(topics, Window(), buckets: [], session).history
    let lineage = tape.lineage
    return history.topics.map { $0.summary(lineage, settings.retention.retention(for: $0.topic)) }
  }

  /// Applies age to a few topics where nobody publishes or reads; the nodes take turns by chance.
  package func sweep() {
    guard let session = shared.withLock({ $0.session }) else { return }
    let topics = shared.withLock { Int(clamping: $0.counters.topics) }
    let start = topics > Self.topicsAtOnce ? Int.random(in: 0...topics - Self.topicsAtOnce) : 0
    Task {
      let names = try? await session.reading.send(
        ["ZRANGE", .text(key + "topics"), .integer(Int64(start)), .integer(Int64(start + Self.topicsAtOnce - 1))])
      let found = (names?.array ?? []).compactMap { $0.string.flatMap { try? TopicName($0) } }
      _ = try? await histories(found, Window(), buckets: [], session)
    }
  }

  // MARK: Asking

  /// Why there is no answer.
  enum StoreFailure: Error {
    case refused(StoreRefusal)
  }

  private func ask<Value: Sendable>(
    _ completion: @escaping @Sendable (Result<Value, StoreRefusal>) -> Void,
    _ body: @escaping @Sendable (RedisStore, RedisSession) async throws(StoreFailure) -> Value
  ) {
    guard let session = shared.withLock({ $0.session }) else {
      return completion(.failure(.unavailable("Redis is away")))
    }
    Task {
      do throws(StoreFailure) {
        completion(.success(try await body(self, session)))
      } catch {
        guard case .refused(let refusal) = error else { return }
        completion(.failure(refusal))
      }
    }
  }

  private func asking<Value>(
    _ body: () async throws(RedisError) -> Value
  ) async throws(StoreFailure) -> Value {
    do throws(RedisError) { return try await body() } catch { throw .refused(.unavailable(Self.words(error))) }
  }

  /// The topics that each pattern matches, and all of them, each once.
  ///
  /// - Parameter newerThan: only those with a later message; nil: all.
  private func names(
    _ patterns: [TopicPattern], newerThan offset: Offset?, _ session: RedisSession
  ) async throws(StoreFailure) -> (all: [TopicName], byPattern: [[TopicName]]) {
    let listed = patterns.contains { $0.exact == nil } ? try await allNames(newerThan: offset, session) : []
    let byPattern = patterns.map { pattern in pattern.exact.map { [$0] } ?? listed.filter(pattern.matches) }
    return (Array(Set(byPattern.joined())), byPattern)
  }

  private func allNames(newerThan offset: Offset?, _ session: RedisSession) async throws(StoreFailure) -> [TopicName] {
    let reply = try await asking { () throws(RedisError) in
      try await session.reading.send(
        ["ZRANGE", .text(key + "topics"), .text(offset.map { "(\($0)" } ?? "-inf"), "+inf", "BYSCORE"])
    }
    return (reply.array ?? []).compactMap { $0.string.flatMap { try? TopicName($0) } }
  }

  /// What is known of topics, some at a time: each as of one moment, and what is known of forgotten ones after all of
  /// them, so that none slips through between.
  private func histories(
    _ topics: [TopicName], _ window: Window, buckets: [Int], _ session: RedisSession
  ) async throws(StoreFailure) -> (history: RedisHistory, clock: UInt64, head: Offset) {
    var result: RedisHistory?
    var (clock, head) = (UInt64.max, Offset.max)
    var start = 0
    repeat {
      let part = topics[start..<min(start + Self.topicsAtOnce, topics.count)]
      start = part.endIndex
      var arguments: [RedisArgument] = [
        .text(redis.prefix), clockArgument, .integer(Int64(clamping: window.after)),
        .integer(Int64(clamping: window.through)), .integer(Int64(window.entries)), .integer(Int64(window.bytes)),
        window.isLast ? "last" : "first", .text(buckets.map { "\($0)" }.joined(separator: ",")),
      ]
      for topic in part {
        arguments.append(.text(topic.string))
        arguments.append(.integer(settings.retention.retention(for: topic).ageMilliseconds))
      }
      let reply = try await asking { [arguments] () throws(RedisError) in
        try await RedisScript.history.run(on: session.reading, session.digests, arguments)
      }
      if let epoch = RedisHistory.epoch(of: reply) { try await waitToAdopt(epoch) }
      let lineage = tape.lineage
      let history = try await asking { () throws(RedisError) in try RedisHistory(reply, asked: part, lineage) }
      clock = min(clock, history.clock)
      head = min(head, history.head)
      var all = history
      all.topics = (result?.topics ?? []) + history.topics
      result = all
    } while start < topics.count
    guard let result else { throw .refused(.unavailable("Redis is away")) }
    return (result, clock, head)
  }
}
