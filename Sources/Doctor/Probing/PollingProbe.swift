import GatewayClient
import HTTPSyntax
import WireFormat

extension ExaminationPlan {
  /// How long a poll is to be held that nothing comes for, in seconds.
  private static let hold = 1

  func probePolling(roundTrip: Duration, publishes: Bool) async throws -> PollingMeasurement {
    let clock = ContinuousClock()
    let began = clock.now
    let first = try await poll(since: nil, wait: 0)
    var polling = PollingMeasurement(first: first.map { _ in clock.now - began }, roundTrip: roundTrip)
    guard let position = first.value?.next else { return polling }
    polling.held = try await holdPoll(since: position, seconds: Self.hold)
    guard publishes, polling.held?.failure == nil else { return polling }
    polling.woken = try await wake(since: position)
    return polling
  }

  /// A poll that nothing comes for.
  func holdPoll(since: String, seconds: Int) async throws -> PollingMeasurement.Held {
    let clock = ContinuousClock()
    let began = clock.now
    let answer = try await poll(since: since, wait: seconds)
    return PollingMeasurement.Held(asked: .seconds(seconds), took: clock.now - began, failure: answer.failure)
  }

  /// Seconds that a poll may wait: `limits.poll_wait` is 60 unless the operator changed it.
  private static let waits = [60, 25, 10, 5, 2, 1]

  /// Asks for the longest wait up to that, in seconds, that the gateway does not refuse: it says so at once.
  func longestAllowed<Value>(
    upTo most: Int, _ ask: (Int) async throws -> (Value, GatewayClientError?)
  ) async throws -> Value {
    let first = min(Self.waits[0], max(1, most))
    var (value, failure) = try await ask(first)
    for wait in Self.waits where wait < first {
      guard let error = failure, error.status == 400, error.isGateways else { break }
      (value, failure) = try await ask(wait)
    }
    return value
  }

  private func wake(since: String) async throws -> Result<Duration?, GatewayClientError>? {
    try await longestAllowed(upTo: max(2, Int(patience / .seconds(1)))) { seconds in
      let woken = try await wake(since: since, seconds: seconds)
      return (woken, woken?.failure)
    }
  }

  private func wake(since: String, seconds: Int) async throws -> Result<Duration?, GatewayClientError>? {
    let clock = ContinuousClock()
    async let answer = poll(since: since, wait: seconds)
    // It is at the gateway by then; if not, it is answered all the same.
    try await Task.sleep(for: .milliseconds(300))
    let sent = clock.now
    guard let id = try await publish("poll").value else { return nil }
    var got = try await answer
    let came = clock.now
    // Others may publish to the topic as well, and their message came first.
    if let first = got.value, !first.ids.isEmpty, !first.ids.contains(id) {
      got = try await poll(since: first.next, wait: 0)
    }
    return got.map { $0.ids.contains(id) ? came - sent : nil }
  }

  struct PollAnswer: Sendable {
    var next: String
    /// Of messages.
    var ids: [String]
    /// The reason of a gap.
    var gap: String?
  }

  /// - Parameter wait: in seconds.
  func poll(since: String?, wait: Int) async throws -> Result<PollAnswer, GatewayClientError> {
    var query = QueryString()
    query.add("topic", topic)
    if let since { query.add("since", since) }
    query.add("wait", "\(wait)")
    return try await ask(
      .GET, query.appended(to: "/v1/stream"), headers: ["Accept": "application/json"],
      timeout: .seconds(wait) + patience * 2
    ).flatMap { answer in
      guard let object = ReceivedObject(answer.bytes), let items = object.elements("items"),
        let next = object.string("next")
      else { return .failure(.notUnderstood("its answer to a poll is not {\"items\":[…],\"next\":…}")) }
      let objects = items.compactMap { ReceivedObject($0) }
      return .success(
        PollAnswer(
          next: next, ids: objects.filter { $0.string("type") == nil }.compactMap { $0.string("id") },
          gap: objects.first { $0.string("type") == "gap" }?.string("reason")))
    }
  }
}
