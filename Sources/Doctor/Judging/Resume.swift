package import GatewayClient

/// Whether a reader that comes back gets exactly the rest.
package struct ResumeMeasurement: Sendable {
  package struct Attempt: Sendable {
    package var transport: StreamTransport
    /// The position was in `Last-Event-ID` alone.
    package var byHeader = false
    /// The ids of what came, of those that the doctor published.
    package var got: [String] = []
    /// The reason of a gap.
    package var gap: String?
    package var failure: GatewayClientError?
    /// It had said hello, or a poll was answered.
    package var began = false

    package init(transport: StreamTransport, byHeader: Bool = false) {
      self.transport = transport
      self.byHeader = byHeader
    }
  }

  /// Why the first reader never got as far as a position to resume from.
  package var startFailure: String?
  package var startTransport = StreamTransport.poll
  /// The ids that each is to get; empty: nothing could be published.
  package var expected: [String]
  package var attempts: [Attempt]

  package init(expected: [String], attempts: [Attempt]) {
    self.expected = expected
    self.attempts = attempts
  }
}

extension ResumeMeasurement {
  package var findings: [Finding] {
    if let startFailure {
      return [
        Finding(
          .resume, .skipped, "there was no position to resume from: \(startFailure)", transport: startTransport)
      ]
    }
    let byTransport = StreamTransport.allCases.compactMap { transport -> Finding? in
      let mine = attempts.filter { $0.transport == transport }
      return mine.isEmpty ? nil : judge(transport, mine)
    }
    if let several = severalGateways { return [several] + byTransport.filter { $0.mark == .ok } }
    return byTransport
  }

  /// A gap where nothing was lost: those asked do not know each other's positions.
  private var severalGateways: Finding? {
    let strange = attempts.count { $0.gap == "epoch" }
    guard strange > 0 else { return nil }
    return Finding(
      .resume, .problem,
      "\(strange) of \(attempts.count) connections met a gateway that does not know the position (a gap, reason epoch)",
      cause: "several gateways are here, each with a store of its own, or one was started anew meanwhile",
      [.oneStore, .you("nothing needs to be sticky then")])
  }

  private func judge(_ transport: StreamTransport, _ attempts: [Attempt]) -> Finding {
    let name = transport.rawValue
    let headers = attempts.filter { $0.byHeader }
    let wanted = Set(expected)
    func isComplete(_ attempt: Attempt) -> Bool {
      attempt.failure == nil && attempt.gap == nil && attempt.began && attempt.got == expected
    }
    let good = attempts.count(where: isComplete)
    if good == attempts.count {
      let what =
        expected.isEmpty
        ? "a position is taken over without a gap"
        : "comes back and gets exactly the \(expected.count) messages it missed"
      let how = headers.isEmpty ? "" : ", by Last-Event-ID"
      return Finding(
        .resume, .ok, "\(name): \(what)\(how), on \(good) connection\(good == 1 ? "" : "s")", transport: transport)
    }
    func problem(_ measured: String, _ cause: String, _ remedies: [Remedy]) -> Finding {
      Finding(.resume, .problem, "\(name): \(measured)", cause: cause, remedies, transport: transport)
    }
    if let failed = attempts.first(where: { $0.failure != nil }), let failure = failed.failure {
      return problem(
        "coming back was \(failure.words)", "the same as above: a proxy refuses or cuts it", [.you("mend that first")])
    }
    if attempts.contains(where: { !$0.began }) {
      return problem(
        "coming back, nothing was heard", "a proxy keeps back what it gets until a buffer is full", .buffering)
    }
    if let gap = attempts.compactMap(\.gap).first {
      return problem(
        "coming back brought a gap (\(gap))", "the topic's history is too short for a break",
        [.sluice("topics: [{ match: \"...\", history: { messages: 1000, age: 10m } }]")])
    }
    // Nothing by the header, while the query works: the header is lost.
    if !headers.isEmpty, headers.allSatisfy({ wanted.isDisjoint(with: $0.got) }), !expected.isEmpty {
      return problem(
        "with Last-Event-ID nothing of what was missed came", "a proxy takes the header Last-Event-ID away",
        [
          .nginx("proxy_set_header Last-Event-ID $http_last_event_id; (or proxy_pass_request_headers on;)"),
          .haproxy("no http-request del-header Last-Event-ID"),
        ])
    }
    let lost = attempts.map { attempt in expected.count { !attempt.got.contains($0) } }.max() ?? 0
    let more = attempts.map { $0.got.count - wanted.intersection($0.got).count }.max() ?? 0
    return problem(
      "\(attempts.count - good) of \(attempts.count) connections got something else than the \(expected.count) messages "
        + "it missed: \(lost) missing, \(more) more",
      "a cache answers in the gateway's place, or several gateways are behind this address without a common store",
      [
        .oneStore, .nginx("no proxy_cache for /v1/"),
        .haproxy("no http-request cache-use for /v1/"),
      ])
  }
}
