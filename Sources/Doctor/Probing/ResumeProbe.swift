import GatewayClient

extension ExaminationPlan {
  /// Messages that the first reader gets, and that those who come back have missed.
  private static let before = 2
  private static let behind = 3

  /// - Parameter transports: those that work, the best first.
  func probeResume(_ transports: [StreamTransport], publishes: Bool) async throws -> ResumeMeasurement {
    var resume = ResumeMeasurement(expected: [], attempts: [])
    guard let first = transports.first else {
      resume.startFailure = "no transport works"
      return resume
    }
    resume.startTransport = first
    let position: String
    switch try await begin(first, publishes: publishes) {
    case .failure(let error):
      resume.startFailure = "the first reader was \(error.words)"
      return resume
    case .success(let begun):
      position = begun.position
      resume.expected = begun.missed
    }
    if publishes {
      for number in 0..<Self.behind {
        if let id = try await publish("missed \(number)").value { resume.expected.append(id) }
      }
    }
    let expected = resume.expected
    // Side by side: each is a connection of its own, and a silent one takes its time.
    resume.attempts = try await withThrowingTaskGroup(of: ResumeMeasurement.Attempt.self) { group in
      for transport in transports {
        for number in 0..<connections {
          // A browser's EventSource has the header; everybody else the query.
          let byHeader = transport == .sse && number > 0
          group.addTask { try await comeBack(transport, position, byHeader: byHeader, expected) }
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    return resume
  }

  /// Reads a little, and breaks off.
  ///
  /// - Returns: where it was, and what it should have got and has not.
  private func begin(
    _ transport: StreamTransport, publishes: Bool
  ) async throws -> Result<(position: String, missed: [String]), GatewayClientError> {
    let tap = transport == .poll ? nil : StreamTap(transport, self)
    defer { tap?.breakOff() }
    var position: String
    if let tap {
      let record = try await tap.wait(patience) { $0.first("hello")?.id != nil }
      guard let id = record.first("hello")?.id else {
        return .failure(record.end?.why ?? .timedOut("no hello within \(patience.words)"))
      }
      position = id
    } else {
      let answer = try await poll(since: nil, wait: 0)
      guard let next = answer.value?.next else { return .failure(answer.failure ?? .timedOut("no answer")) }
      position = next
    }
    guard publishes else { return .success((position, [])) }
    var ids: [String] = []
    for number in 0..<Self.before {
      let published = try await publish("read \(number)")
      guard let id = published.value else { return .failure(published.failure ?? .timedOut("no answer")) }
      ids.append(id)
    }
    let wanted = ids
    if let tap {
      let record = try await tap.wait(patience) { record in wanted.allSatisfy(Set(record.messages.map(\.id)).contains) }
      guard wanted.allSatisfy(Set(record.messages.map(\.id)).contains) else { return .success((position, wanted)) }
      position = record.messages.last?.id ?? position
    } else {
      guard let answer = try await poll(since: position, wait: 0).value, answer.ids == wanted else {
        return .success((position, wanted))
      }
      position = answer.next
    }
    return .success((position, []))
  }

  private func comeBack(
    _ transport: StreamTransport, _ position: String, byHeader: Bool, _ expected: [String]
  ) async throws -> ResumeMeasurement.Attempt {
    var attempt = ResumeMeasurement.Attempt(transport: transport, byHeader: byHeader)
    guard transport != .poll else {
      switch try await poll(since: position, wait: 0) {
      case .failure(let error): attempt.failure = error
      case .success(let answer):
        attempt.began = true
        attempt.got = answer.ids
        attempt.gap = answer.gap
      }
      return attempt
    }
    let tap = StreamTap(transport, self, since: position, byHeader: byHeader)
    defer { tap.breakOff() }
    let record = try await tap.wait(patience) { record in
      record.first("caught_up") != nil || record.first("gap") != nil
        || expected.isEmpty && record.first("hello") != nil
    }
    attempt.began = record.first("hello") != nil
    attempt.got = record.messages.compactMap(\.id)
    attempt.gap = record.first("gap")?.object.string("reason")
    attempt.failure = record.end?.why
    return attempt
  }
}
