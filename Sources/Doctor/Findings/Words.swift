package import GatewayClient

extension Duration {
  /// As a person says it: `0.4 ms`, `12 ms`, `5 s`, `3.2 s`, `75 s`.
  package var words: String {
    let milliseconds = self / .milliseconds(1)
    return milliseconds < 999.5
      ? "\(Self.rounded(milliseconds)) ms" : "\(Self.rounded(milliseconds / 1000)) s"
  }

  /// To two digits below ten, else to whole ones.
  private static func rounded(_ number: Double) -> String {
    let tenths = Int((number * 10).rounded())
    return tenths >= 100 || tenths % 10 == 0 ? "\(Int(number.rounded()))" : "\(tenths / 10).\(tenths % 10)"
  }
}

extension GatewayClientError {
  /// Said by the gateway itself, and not by somebody on the way.
  package var isGateways: Bool {
    if case .refused(let refusal) = self { refusal.code != nil } else { false }
  }

  package var status: Int? { if case .refused(let refusal) = self { refusal.status } else { nil } }

  package var code: String? { if case .refused(let refusal) = self { refusal.code } else { nil } }

  /// What happened, to go behind "it was" or "the request was".
  package var words: String {
    switch self {
    case .refused(let refusal): "answered with \(refusal.status)\(refusal.code.map { " (\($0))" } ?? "")"
    case .timedOut: "never answered"
    case .connectionLost(let why): "cut off (\(why))"
    case .answerCut(let how): "cut off \(how)"
    case .closed(let code, let reason): "closed with \(code)\(reason.isEmpty ? "" : " (\(reason))")"
    case .notUnderstood(let what): "not understood: \(what)"
    case .badURL(let why), .invalidRequest(let why), .unreachable(let why), .untrusted(let why): "not made: \(why)"
    case .clientClosed: "given up"
    }
  }
}
