package import GatewayClient

/// What HTTP/2 does here.
package enum HTTP2Measurement: Sendable {
  case clearText
  /// Another protocol was chosen, or none.
  case notChosen(String?)
  case failed(GatewayClientError)
  case spoken(Spoken)

  package struct Spoken: Sendable {
    /// What was opened first; nil: nothing that goes on in an answer is offered.
    package var stream: StreamTransport?
    /// To its hello; nil: none came.
    package var hello: Duration?
    package var streamFailure: GatewayClientError?
    package var patience: Duration
    /// Websockets are to be looked at.
    package var triesWebSocket = false
    /// SETTINGS_ENABLE_CONNECT_PROTOCOL.
    package var offersWebSockets = false
    /// To the hello of a websocket on a stream; nil: none came.
    package var webSocketHello: Duration?
    package var webSocketFailure: GatewayClientError?

    /// Whether what was opened first is no reason to look no further.
    package var isFlowing: Bool { stream == nil || hello != nil }

    package init(_ stream: StreamTransport?, patience: Duration) {
      self.stream = stream
      self.patience = patience
    }
  }
}

extension HTTP2Measurement {
  private static let offering: [Remedy] = [
    .nginx("listen 443 ssl http2; (from nginx 1.25.1 on: http2 on;)"),
    .haproxy("bind :443 ssl crt FILE alpn h2,http/1.1"), .sluice("tls: { certificates: [...] } is enough"),
  ]

  package var findings: [Finding] {
    switch self {
    case .clearText:
      return [
        Finding(
          .http2, .warning, "in clear text browsers speak HTTP/1.1",
          cause: "a browser opens six connections to an origin then, all tabs together, and each stream takes one",
          Self.offering + [.you("or share a stream among the tabs: new Sluice(url, { shared: true })")])
      ]
    case .notChosen(let name):
      return [
        Finding(
          .http2, .warning, "HTTP/2 was offered, and \(name ?? "no protocol") was chosen",
          cause: "with HTTP/1.1 alone a browser opens six connections to an origin, and each stream takes one",
          Self.offering)
      ]
    case .failed(let error):
      return [
        Finding(
          .http2, .problem, "HTTP/2 was agreed on, and then \(error.words)",
          cause: "who ends TLS agrees to h2 and does not speak it: a proxy in TCP mode that leads to HTTP/1.1",
          Self.offering, transport: .sse)
      ]
    case .spoken(let spoken):
      let findings = [Self.stream(spoken), Self.webSocket(spoken)].compactMap { $0 }
      return findings.isEmpty ? [Finding(.http2, .ok, "HTTP/2 was agreed on")] : findings
    }
  }

  private static func stream(_ spoken: Spoken) -> Finding? {
    guard let stream = spoken.stream else { return nil }
    guard let hello = spoken.hello else {
      let how = spoken.streamFailure.map { "was \($0.words)" } ?? "brought nothing for \(spoken.patience.words)"
      return Finding(
        .http2, .problem, "\(stream.rawValue) over HTTP/2 \(how)",
        cause: "a proxy keeps back what it gets, or breaks streams that go on", .buffering, transport: stream)
    }
    return Finding(
      .http2, .ok, "\(stream.rawValue) over HTTP/2 says hello after \(hello.words)", transport: stream)
  }

  private static func webSocket(_ spoken: Spoken) -> Finding? {
    guard spoken.triesWebSocket, spoken.isFlowing else { return nil }
    guard spoken.offersWebSockets else {
      return Finding(
        .http2, .ok, "websockets over HTTP/2 are not offered: each takes a connection of HTTP/1.1, which works")
    }
    guard let hello = spoken.webSocketHello else {
      let how = spoken.webSocketFailure.map { "was \($0.words)" } ?? "brought nothing for \(spoken.patience.words)"
      return Finding(
        .http2, .problem, "websockets over HTTP/2 are offered (RFC 8441), but one \(how)",
        cause: "the proxy announces them and cannot lead them to the gateway; browsers then try nothing else",
        [
          .haproxy("h2-workaround-bogus-websocket-clients in global, so that they are not offered"),
          .nginx("nginx offers none: another proxy before it does"),
        ],
        transport: .websocket)
    }
    return Finding(
      .http2, .ok, "a websocket over HTTP/2 (RFC 8441) says hello after \(hello.words)", transport: .websocket)
  }
}
