import GatewayClient
import WireFormat

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
    // Others may publish to the topic as well.
    var ours: Set<String>
    switch try await begin(first, publishes: publishes) {
    case .failure(let error):
      resume.startFailure = "the first reader was \(error.words)"
      return resume
    case .success(let begun):
      position = begun.position
      resume.expected = begun.missed
      ours = Set(begun.read)
    }
    if publishes {
      for number in 0..<Self.behind {
        if let id = try await publish("missed \(number)").value { resume.expected.append(id) }
      }
    }
    ours.formUnion(resume.expected)
    let published = ours
    // Side by side: each is a connection of its own, and a silent one takes its time.
    resume.attempts = try await withThrowingTaskGroup(of: ResumeMeasurement.Attempt.self) { group in
      for transport in transports {
        for number in 0..<connections {
          // A browser's EventSource has the header; everybody else the query.
          let byHeader = transport == .sse && number > 0
          group.addTask { try await comeBack(transport, position, byHeader: byHeader, published) }
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    return resume
  }

  /// Reads a little, and breaks off.
  ///
  /// - Returns: where it was, what was published for it, and what of that it has not got.
  private func begin(
    _ transport: StreamTransport, publishes: Bool
  ) async throws -> Result<(position: String, read: [String], missed: [String]), GatewayClientError> {
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
    guard publishes else { return .success((position, [], [])) }
    var ids: [String] = []
    for number in 0..<Self.before {
      let published = try await publish("read \(number)")
      guard let id = published.value else { return .failure(published.failure ?? .timedOut("no answer")) }
      ids.append(id)
    }
    let wanted = ids
    if let tap {
      let hasAll = { @Sendable (record: StreamTap.Record) in
        wanted.allSatisfy(record.messages.compactMap(\.id).contains)
      }
      let record = try await tap.wait(patience, until: hasAll)
      guard hasAll(record) else { return .success((position, wanted, wanted)) }
      position = record.messages.last?.id ?? position
    } else {
      guard let answer = try await poll(since: position, wait: 0).value, wanted.allSatisfy(answer.ids.contains) else {
        return .success((position, wanted, wanted))
      }
      position = answer.next
    }
    return .success((position, wanted, []))
  }

  private func comeBack(
    _ transport: StreamTransport, _ position: String, byHeader: Bool, _ ours: Set<String>
  ) async throws -> ResumeMeasurement.Attempt {
    var attempt = ResumeMeasurement.Attempt(transport: transport, byHeader: byHeader)
    guard transport != .poll else {
      switch try await poll(since: position, wait: 0) {
      case .failure(let error): attempt.failure = error
      case .success(let answer):
        attempt.began = true
        attempt.got = answer.ids.filter(ours.contains)
        attempt.gap = answer.gap
      }
      return attempt
    }
    let tap = StreamTap(transport, self, since: position, byHeader: byHeader)
    defer { tap.breakOff() }
    let record = try await tap.wait(patience) { record in
      record.first("caught_up") != nil || record.first("gap") != nil
    }
    attempt.began = record.first("hello") != nil
    attempt.got = record.messages.compactMap(\.id).filter(ours.contains)
    attempt.gap = record.first("gap")?.object.string("reason")
    attempt.failure = record.end?.why
    return attempt
  }
}
