import WireFormat

/// Why a call to a gateway came to nothing.
package enum GatewayClientError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The URL cannot be used; the sentence says why.
  case badURL(String)
  /// The request cannot be sent; the sentence says why.
  case invalidRequest(String)
  /// No connection could be made.
  case unreachable(String)
  /// Nobody that is trusted vouches for the gateway, or for another name; in OpenSSL's words.
  case untrusted(String)
  /// The connection broke before the answer was complete.
  case connectionLost(String)
  /// The answer to a request for a page of messages began and did not arrive whole; the text says after how many bytes
  /// and why. The same request is likely to be cut again, and one for fewer messages is not: see `PageLimit`.
  case answerCut(String)
  /// Nothing came for that long.
  case timedOut(String)
  /// The gateway understood and said no.
  case refused(Refusal)
  /// The gateway closed a websocket for good.
  case closed(code: UInt16, reason: String)
  /// The other side does not speak this protocol.
  case notUnderstood(String)
  /// The client was closed while the call was under way, or before.
  case clientClosed

  package var description: String {
    switch self {
    case .badURL(let why): why
    case .invalidRequest(let why): "the request cannot be sent: \(why)"
    case .unreachable(let why): why
    case .untrusted(let why):
      "the gateway's certificate is not trusted (\(why)): --ca FILE names who vouches for it, --insecure takes any"
    case .connectionLost(let why): "the connection to the gateway was lost: \(why)"
    case .answerCut(let how): "the gateway's answer was cut \(how)"
    case .timedOut(let what): "timed out: \(what)"
    case .refused(let refusal): refusal.description
    case .closed(let code, let reason):
      "the gateway closed the connection for good: \(reason.isEmpty ? "no reason given" : reason) (\(code))"
    case .notUnderstood(let what): "this does not answer like a gateway: \(what)"
    case .clientClosed: "the client was closed"
    }
  }

  /// Whether the same call may succeed later, with nothing changed.
  package var isTemporary: Bool {
    switch self {
    case .unreachable, .connectionLost, .answerCut, .timedOut: true
    case .refused(let refusal): refusal.isTemporary
    case .badURL, .invalidRequest, .untrusted, .closed, .notUnderstood, .clientClosed: false
    }
  }
}

/// An HTTP answer that says no, with its problem details (RFC 9457, protocol section 7) if it has them.
package struct Refusal: Hashable, Sendable, CustomStringConvertible {
  package var status: Int
  /// The last part of `urn:sluice:error:…`; nil if the answer had no problem details, as a proxy's has not.
  package var code: String?
  package var detail: String
  /// Seconds of `Retry-After`.
  package var retryAfter: Int?
  /// The answer's body as it came.
  package var body: [UInt8]

  package init(status: Int, code: String? = nil, detail: String, retryAfter: Int? = nil, body: [UInt8] = []) {
    self.status = status
    self.code = code
    self.detail = detail
    self.retryAfter = retryAfter
    self.body = body
  }

  /// Reads what the answer's body says; whatever it is, there is a sentence to show.
  package init(status: Int, retryAfter: String?, body: [UInt8]) {
    let problem = ReceivedObject(body)
    let prefix = "urn:sluice:error:"
    let type = problem?.string("type")
    self.init(
      status: status,
      code: type.flatMap { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : nil },
      detail: problem?.string("detail") ?? problem?.string("title") ?? "the answer was \(status), without a reason",
      retryAfter: retryAfter.flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil },
      body: body)
  }

  package var description: String { "\(detail) (\(code ?? "HTTP \(status)"))" }

  /// 408 and 429 say "later", 5xx "not my fault"; every other refusal stays one however often it is asked.
  package var isTemporary: Bool { status == 408 || status == 429 || status >= 500 }
}
