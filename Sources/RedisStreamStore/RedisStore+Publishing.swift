import Locking
import NIOCore
import RedisClient
package import StreamLog
package import StreamStores
import Synchronization
package import WireFormat

extension RedisStore {
  /// How long a publish waits for an epoch that is being opened, at least.
  private static let reopening: UInt64 = 5_000_000_000

  package func append(
    _ items: [PublishItem], publisher: String, completion: @escaping @Sendable ([PublishOutcome]) -> Void
  ) {
    guard !items.isEmpty else { return completion([]) }
    let bytes = items.reduce(0) { $0 + ($1.draft.data.count + 256) * $1.topics.count }
    let isRefused = shared.withLock { shared in
      if shared.bytes > 0, shared.bytes + bytes > redis.waitingBytes { return true }
      shared.bytes += bytes
      return false
    }
    if isRefused {
      let refusal = StoreRefusal.unavailable(
        "publishes wait for Redis, as many as limits.uncommitted_bytes lets wait")
      return completion(items.map { _ in .refused(refusal) })
    }
    let answers = RedisAnswers(items.count) { [self] outcomes in
      shared.withLock { $0.bytes -= bytes }
      completion(outcomes)
    }
    let deadline = now().monotonic + UInt64(redis.wait.nanoseconds)
    for (index, item) in items.enumerated() {
      submit(
        RedisPublish(item: item, publisher: publisher, deadline: deadline) { answers.set(index, $0) })
    }
  }

  private func submit(_ publish: RedisPublish) {
    guard let session = shared.withLock({ $0.session }) else {
      return park(publish, refusal: .unavailable("Redis is away"))
    }
    let lineage = tape.lineage
    RedisScript.publish.run(on: session.publishing, session.digests, arguments(publish, session, lineage)) {
      [self] result in
      switch result {
      case .success(let reply): answer(publish, reply, lineage)
      case .failure(let error): fail(publish, error, session)
      }
    }
  }

  private func arguments(_ publish: RedisPublish, _ session: RedisSession, _ lineage: Lineage) -> [RedisArgument] {
    let (item, draft) = (publish.item, publish.item.draft)
    var arguments: [RedisArgument] = [
      .text(redis.prefix), .text(session.runID), .text(lineage.current.string), clockArgument,
      .integer(Int64(draft.kind.rawValue)), .text(draft.event ?? ""), .text(draft.contentType ?? ""),
      .bytes(draft.data),
      .text(publish.key), .integer(Int64(clamping: settings.idempotencyWindowNanoseconds / 1_000_000)),
      .integer(Int64(settings.idempotencyKeys)), publish.condition(lineage).map { .integer($0) } ?? "",
      .integer(Int64(redis.logEntries)), .integer(Int64(redis.topics)),
    ]
    for topic in item.topics {
      let retention = settings.retention.retention(for: topic)
      arguments += [
        .text(topic.string), .integer(Int64(MessageEncoder.size(ofAllButNumbers: draft, topic: topic))),
        .integer(Int64(ForgottenTopics.bucket(of: topic))), .integer(Int64(retention.messages)),
        .integer(retention.ageMilliseconds), .integer(Int64(retention.bytes)),
      ]
    }
    return arguments
  }

  private func answer(_ publish: RedisPublish, _ reply: RESPValue, _ lineage: Lineage) {
    let fields = reply.array ?? []
    let numbers = fields.dropFirst().map { UInt64(clamping: $0.integer ?? 0) }
    let topics = publish.item.topics
    switch fields.first?.string {
    case "ok" where numbers.count == 2 * topics.count + 6:
      let published = Self.published(topics, numbers, lineage)
      let counters = RedisCounters(numbers.suffix(5)[...], asOf: published.last?.id.offset ?? 0)
      shared.withLock { $0.counters.hear(counters) }
      acknowledge(publish, published, .committed(published))
    case "repeated" where numbers.count == 2 * topics.count:
      let published = Self.published(topics, numbers, lineage)
      acknowledge(publish, published, .repeated(published))
    case "stale":
      var publish = publish
      publish.deadline = max(publish.deadline, now().monotonic + Self.reopening)
      park(publish, refusal: .unavailable("Redis was replaced and is being opened again"))
    case "reused" where numbers.count == 1 && numbers[0] < topics.count:
      publish.completion(.refused(.keyReused(topic: topics[Int(numbers[0])])))
    case "full": publish.completion(.refused(.keyTableFull(limit: settings.idempotencyKeys)))
    case "refused" where numbers.count == 2:
      let current = numbers[1] == 0 ? nil : lineage.position(numbers[1])
      publish.completion(.refused(.preconditionFailed(topic: topics[0], current: current)))
    default: publish.completion(.refused(.outcomeUnknown("Redis answered something else")))
    }
  }

  /// What this node has followed is acknowledged.
  private func acknowledge(_ publish: RedisPublish, _ published: [Published], _ outcome: PublishOutcome) {
    guard let last = published.max(by: { $0.id.offset < $1.id.offset }) else { return publish.completion(outcome) }
    whenFollowed(last.id) { [self] isThere in
      if isThere {
        publish.completion(outcome)
      } else {
        loseSight(of: publish, "Redis was lost before this node had it")
      }
    }
  }

  /// Whether it is committed cannot be said.
  private func loseSight(of publish: RedisPublish, _ reason: String) {
    let refusal = StoreRefusal.outcomeUnknown(reason)
    // With its key it finds itself again, if it was committed.
    if publish.isKeyed { park(publish, refusal: refusal) } else { publish.completion(.refused(refusal)) }
  }

  private static func published(_ topics: [TopicName], _ numbers: [UInt64], _ lineage: Lineage) -> [Published] {
    topics.enumerated().map { index, topic in
      Published(topic: topic, id: lineage.position(numbers[2 * index]), seq: numbers[2 * index + 1])
    }
  }

  private func fail(_ publish: RedisPublish, _ error: RedisError, _ session: RedisSession) {
    switch error {
    case .lost: loseSight(of: publish, "the connection to Redis ended before its answer")
    case .unreachable, .misconfigured: park(publish, refusal: .unavailable("Redis is away"))
    case .server(let text):
      switch error.code {
      case "OOM": publish.completion(.refused(.unavailable("Redis has no memory left")))
      case "READONLY", "MASTERDOWN", "LOADING", "CLUSTERDOWN":
        // It is no primary any more, or not yet again: another look at where that is.
        session.close()
        park(publish, refusal: .unavailable("Redis is no primary at the moment"))
      case "MISCONF", "NOREPLICAS": publish.completion(.refused(.unavailable("Redis refuses writes: \(text)")))
      default: publish.completion(.refused(.unavailable("Redis refuses: \(text)")))
      }
    }
  }

  // MARK: Waiting for Redis

  /// - Parameter refusal: what it is told if its time is over.
  private func park(_ publish: RedisPublish, refusal: StoreRefusal) {
    let time = now().monotonic
    var publish = publish
    publish.refusal = refusal
    let isParked = shared.withLock { [publish] shared in
      guard !shared.isClosed, publish.deadline > time else { return false }
      shared.parked.append(publish)
      return true
    }
    guard isParked else { return publish.completion(.refused(refusal)) }
    let wait = TimeAmount.nanoseconds(Int64(clamping: publish.deadline - time))
    eventLoop.scheduleTask(in: wait + .milliseconds(1)) { [self] in refuseOverdue() }
  }

  /// Redis is there: what waited for it goes, in its order.
  func submitParked() {
    let parked = shared.withLock { shared in
      defer { shared.parked = [] }
      return shared.parked
    }
    for publish in parked { submit(publish) }
  }

  private func refuseOverdue() {
    let time = now().monotonic
    let overdue = shared.withLock { shared in
      let overdue = shared.parked.filter { $0.deadline <= time }
      shared.parked.removeAll { $0.deadline <= time }
      return overdue
    }
    for publish in overdue { publish.completion(.refused(publish.refusal)) }
  }

  func refuseParked() {
    let parked = shared.withLock { shared in
      defer { shared.parked = [] }
      return shared.parked
    }
    for publish in parked { publish.completion(.refused(publish.refusal)) }
  }

  // MARK: Erasing

  package func erase(
    _ topic: TopicName, completion: @escaping @Sendable (Result<TopicSummary?, StoreRefusal>) -> Void
  ) {
    guard let session = shared.withLock({ $0.session }) else {
      return completion(.failure(.unavailable("Redis is away")))
    }
    let lineage = tape.lineage
    RedisScript.erase.run(
      on: session.publishing, session.digests,
      [
        .text(redis.prefix), .text(session.runID), .text(lineage.current.string), .text(topic.string),
        .integer(Int64(redis.logEntries)),
      ]
    ) { [self] result in
      let fields: [RESPValue]
      switch result {
      case .success(let reply): fields = reply.array ?? []
      case .failure(.lost):
        return completion(.failure(.outcomeUnknown("the connection to Redis ended before its answer")))
      case .failure(let error): return completion(.failure(.unavailable(Self.words(error))))
      }
      guard fields.first?.string == "erased", let id = RedisEntry.ID(fields.dropFirst().first?.string ?? "") else {
        return completion(.failure(.unavailable("Redis was replaced and is being opened again")))
      }
      var summary: TopicSummary?
      if fields.count == 4, let last = fields[2].integer, let seq = fields[3].integer {
        summary = TopicSummary(
          topic: topic, lastID: lineage.position(UInt64(clamping: last)), lastSeq: UInt64(clamping: seq), oldest: nil,
          messages: 0, bytes: 0, retention: settings.retention.retention(for: topic))
      }
      whenFollowed(Position(epoch: lineage.current, offset: id.offset), note: id.note) { [summary] isThere in
        completion(
          isThere
            ? .success(summary) : .failure(.outcomeUnknown("Redis was lost before this node had it")))
      }
    }
  }

  static func words(_ error: RedisError) -> String {
    if case .server(let text) = error { "Redis refuses: \(text)" } else { "Redis is away" }
  }
}

/// The outcomes of a request's items, which come one by one.
private final class RedisAnswers: Sendable {
  private struct State {
    var outcomes: [PublishOutcome?]
    var missing: Int
  }

  private let state: Guarded<State>
  private let completion: @Sendable ([PublishOutcome]) -> Void

  init(_ count: Int, completion: @escaping @Sendable ([PublishOutcome]) -> Void) {
    state = Guarded(State(outcomes: Array(repeating: nil, count: count), missing: count))
    self.completion = completion
  }

  func set(_ index: Int, _ outcome: PublishOutcome) {
    let all: [PublishOutcome]? = state.withLock { state in
      guard state.outcomes[index] == nil else { return nil }
      state.outcomes[index] = outcome
      state.missing -= 1
      return state.missing == 0 ? state.outcomes.compactMap { $0 } : nil
    }
    if let all { completion(all) }
  }
}
