package import GatewayClient

/// Whether messages can be published from here.
package enum PublishMeasurement: Sendable {
  case notAsked
  case failed(GatewayClientError)
  /// The topic held nothing before, if `isOurs`, and may be erased.
  case published(Duration, isOurs: Bool)
}

extension PublishMeasurement {
  package var isPossible: Bool { if case .published = self { true } else { false } }

  /// Whether the topic is ours to erase.
  package var mayErase: Bool { if case .published(_, isOurs: true) = self { true } else { false } }

  package func findings(topic: String) -> [Finding] {
    switch self {
    case .notAsked:
      return [Finding(.publish, .skipped, "--no-publish: what needs messages is left out")]
    case .published(let time, let isOurs):
      let kept = isOurs ? "" : "; others have published there, so what comes is not erased"
      return [Finding(.publish, .ok, "a message to \(topic) is acknowledged in \(time.words)\(kept)")]
    case .failed(let error):
      if let status = error.status, [401, 403, 404, 405].contains(status) {
        let who = error.isGateways ? "" : " on the way"
        return [
          Finding(
            .publish, .skipped, "publishing was \(error.words)\(who): what needs messages is left out",
            [.you("--token of somebody who may, or --topic NAME where clients may publish")])
        ]
      }
      if error.isGateways {
        return [
          Finding(
            .publish, .problem, "publishing was \(error.words)", cause: "the gateway cannot commit messages now",
            [.you(error.description)])
        ]
      }
      return [
        Finding(
          .publish, .problem, "publishing was \(error.words)",
          cause: "a proxy lets GET through and not POST, or does not reach the gateway",
          [.nginx("no limit_except on /v1/"), .haproxy("no http-request deny on methods for /v1/")])
      ]
    }
  }
}
