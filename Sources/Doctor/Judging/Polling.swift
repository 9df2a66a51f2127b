package import GatewayClient

/// How long polls do.
package struct PollingMeasurement: Sendable {
  /// The first, which does not wait.
  package var first: Result<Duration, GatewayClientError>
  /// One that was to wait, and nothing came: how long it did, and how it ended.
  package var held: Held?
  /// One that waited when a message was published: from then to the answer; nil: it brought nothing.
  package var woken: Result<Duration?, GatewayClientError>?
  package var roundTrip: Duration

  package struct Held: Sendable {
    package var asked: Duration
    package var took: Duration
    package var failure: GatewayClientError?

    package init(asked: Duration, took: Duration, failure: GatewayClientError? = nil) {
      self.asked = asked
      self.took = took
      self.failure = failure
    }
  }

  package init(first: Result<Duration, GatewayClientError>, roundTrip: Duration) {
    self.first = first
    self.roundTrip = roundTrip
  }
}

extension PollingMeasurement {
  private var prompt: Duration { .seconds(1) + roundTrip * 4 }

  package var findings: [Finding] {
    if case .failure(let error) = first {
      return [
        Finding(
          .polling, .problem, "a poll was \(error.words)",
          cause: error.isGateways ? "the gateway refuses it" : "a proxy refuses it or answers in its place",
          error.isGateways
            ? [.you(error.description)] : [.you("let GET /v1/stream through to the gateway, whatever its Accept is")],
          transport: .poll)
      ]
    }
    return [held.map { Self.judge($0, .polling, prompt: prompt) }, wakingFinding].compactMap { $0 }
  }

  private var wakingFinding: Finding? {
    switch woken {
    case nil: return nil
    case .success(let took?) where took <= prompt:
      return Finding(
        .polling, .ok, "a poll that waits is answered \(took.words) after a message is published", transport: .poll)
    case .success(let took?):
      return Finding(
        .polling, .warning, "a poll that waits was answered only \(took.words) after a message was published",
        cause: "something on the way holds answers up", .buffering, transport: .poll)
    case .success(nil):
      return Finding(
        .polling, .problem, "a poll that waited was answered without the message that was published",
        cause: "a cache answers in the gateway's place, or another gateway than the one published to",
        [
          .nginx("no proxy_cache for /v1/"), .haproxy("no http-request cache-use for /v1/"),
          .oneStore,
        ],
        transport: .poll)
    case .failure(let error):
      return Finding(
        .polling, .problem, "a poll that waited for a message was \(error.words)",
        cause: "a proxy does not wait as long as the poll does", Self.waiting, transport: .poll)
    }
  }

  private static let waiting: [Remedy] = [
    .nginx("proxy_read_timeout 90s;"), .haproxy("timeout server 90s"),
    .sluice("or limits.poll_wait below the proxy's timeout"),
  ]

  /// One that had nothing to bring.
  static func judge(_ held: Held, _ step: Step, prompt: Duration) -> Finding {
    let measured = "a poll that was to wait \(held.asked.words)"
    if let failure = held.failure {
      return Finding(
        step, .problem, "\(measured) was \(failure.words) after \(held.took.words)",
        cause: failure.isGateways
          ? "the gateway ended it"
          : "the proxy gives up on an answer that begins late: its timeout is \(held.took.words)",
        failure.isGateways ? [.you(failure.description)] : waiting, transport: .poll)
    }
    // A store may make it a little shorter, but not much.
    if held.took < held.asked * 0.8 {
      return Finding(
        step, .warning, "\(measured) was answered after \(held.took.words), with nothing in it",
        cause: "something on the way answers in the gateway's place, or messages came to the topic of others",
        [.nginx("no proxy_cache for /v1/"), .haproxy("no http-request cache-use for /v1/")], transport: .poll)
    }
    if held.took > held.asked + prompt {
      return Finding(
        step, .warning, "\(measured) was answered only after \(held.took.words)",
        cause: "something on the way holds answers up", .buffering, transport: .poll)
    }
    return Finding(step, .ok, "\(measured) was held for \(held.took.words) and answered", transport: .poll)
  }
}
