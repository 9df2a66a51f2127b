package import GatewayClient

/// What became of a websocket.
package enum UpgradeMeasurement: Sendable {
  /// The gateway does not offer it.
  case notOffered
  /// No 101 came.
  case refused(GatewayClientError)
  /// 101, and nothing behind it for that long.
  case silent(Duration)
  /// What was sent on it had no answer for that long.
  case deaf(Duration)
  case ended(after: Duration, why: String, saidHello: Bool)
  case open(opened: Duration, hello: Duration, roundTrip: Duration)
}

extension UpgradeMeasurement {
  package var findings: [Finding] { [finding] }

  private var finding: Finding {
    switch self {
    case .notOffered:
      Finding(.upgrade, .skipped, "the gateway does not offer websocket (its setting transports)")
    case .open(let opened, let hello, let roundTrip):
      Finding(
        .upgrade, .ok,
        "a websocket opens in \(opened.words), says hello after \(hello.words), and a ping is answered in "
          + roundTrip.words,
        transport: .websocket)
    case .refused(let error): Self.refused(error)
    case .silent(let limit):
      problem(
        "a websocket opened, and nothing came through it for \(limit.words)",
        cause: "a proxy or a scanner in between takes the upgrade and then waits for HTTP", .upgrade)
    case .deaf(let limit):
      problem(
        "a websocket opened and said hello, but a ping sent on it had no answer for \(limit.words)",
        cause: "a proxy passes on what the gateway says, and not what the client says", .upgrade)
    case .ended(let after, let why, let saidHello):
      problem(
        "a websocket opened\(saidHello ? " and said hello" : "") and was \(why) after \(after.words)",
        cause: "a proxy that allows the upgrade and ends the connection: a scanner, or a time limit on all requests",
        [
          .nginx("proxy_read_timeout 90s; proxy_send_timeout 90s;"), .haproxy("timeout tunnel 90s"),
          .you("over https:// scanners see nothing of it"),
        ])
    }
  }

  private func problem(_ measured: String, cause: String, _ remedies: [Remedy]) -> Finding {
    Finding(.upgrade, .problem, measured, cause: cause, remedies, transport: .websocket)
  }

  private static func refused(_ error: GatewayClientError) -> Finding {
    let measured = "a websocket was \(error.words)"
    let cause: String
    var remedies: [Remedy] = .upgrade
    switch (error.status, error.isGateways) {
    case (let status?, _) where status == 426 || error.code == "bad-request":
      cause = "the request arrived without its upgrade: a proxy took Upgrade or Connection away"
    case (401?, _), (403?, true):
      cause = "the gateway or the proxy wants to know who asks; a browser's WebSocket cannot send a token in a header"
      remedies = [.sluice("transports: [sse, ndjson, poll], where a token is needed; cors.origins, for pages")]
    case (_?, true):
      cause = "the gateway refuses it"
      remedies = [.you("its answer says why: \(error.description)")]
    case (_?, false):
      cause = "a proxy answers websockets itself: not allowed, or HTTP/1.0 towards the gateway"
      remedies.append(.you("a proxy of the client's company: only https:// gets through, or other transports"))
    case (nil, _):
      if case .notUnderstood = error {
        cause = "the request arrived without its upgrade, or another server answers it"
      } else {
        cause = "a proxy or a firewall cuts websockets off, or waits for an answer that is none to it"
      }
    }
    return Finding(.upgrade, .problem, measured, cause: cause, remedies, transport: .websocket)
  }
}
