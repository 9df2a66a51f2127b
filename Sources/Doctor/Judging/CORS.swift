package import GatewayClient

/// What a page of another origin is told.
package struct CORSMeasurement: Sendable {
  package var origin: String
  /// The page is the gateway's own: browsers ask nothing.
  package var isOwn: Bool
  /// Clients send a token.
  package var hasToken = false
  /// OPTIONS before a publish.
  package var preflight: Answer
  /// GET.
  package var actual: Answer
  /// A websocket with this origin; nil: it opened, or was not tried.
  package var webSocketFailure: GatewayClientError?

  package struct Answer: Sendable {
    package var status: Int?
    package var failure: GatewayClientError?
    /// Every value of Access-Control-Allow-Origin, as they came.
    package var allowOrigin: [String] = []
    package var allowHeaders: String?
    package var exposeHeaders: String?
    package var code: String?

    package init() {}
  }

  package init(origin: String, isOwn: Bool, preflight: Answer = Answer(), actual: Answer = Answer()) {
    self.origin = origin
    self.isOwn = isOwn
    self.preflight = preflight
    self.actual = actual
  }
}

extension CORSMeasurement {
  /// What clients need to read, and to send.
  private static let exposed = ["link", "location", "retry-after"]
  package var sent: [String] {
    ["content-type", "idempotency-key", "last-event-id"] + (hasToken ? [Self.authorization] : [])
  }
  /// Which * does not stand for (Fetch, section 4.9).
  private static let authorization = "authorization"

  private var allowing: Remedy { .sluice("cors: { origins: [\(origin)] }") }

  package var findings: [Finding] {
    if isOwn {
      return [Finding(.cors, .ok, "pages of \(origin) are the gateway's own: nothing is needed")]
    }
    if actual.code == "origin-not-allowed" || preflight.code == "origin-not-allowed" {
      return [
        Finding(
          .cors, .problem, "the gateway refuses pages of \(origin)", cause: "the setting cors.origins does not have it",
          [allowing])
      ]
    }
    return [judge(actual, "GET /v1/negotiate", isPreflight: false), judge(preflight, "a preflight", isPreflight: true)]
      + [webSocket].compactMap { $0 }
  }

  private func judge(_ answer: Answer, _ what: String, isPreflight: Bool) -> Finding {
    func problem(_ measured: String, _ cause: String, _ remedies: [Remedy]) -> Finding {
      Finding(.cors, .problem, "\(what) of \(origin) \(measured)", cause: cause, remedies)
    }
    let passing: [Remedy] = [
      .nginx("no answer of its own to OPTIONS, and no proxy_hide_header Access-Control-…"),
      .haproxy("no http-request return for OPTIONS, no http-response del-header Access-Control-…"), allowing,
    ]
    if let failure = answer.failure {
      return problem("was \(failure.words)", "a proxy does not let it through to the gateway", passing)
    }
    let values = answer.allowOrigin.flatMap { $0.split(separator: ",").map { $0.filter { $0 != " " } } }
    if values.count > 1 {
      return problem(
        "has Access-Control-Allow-Origin \(values.count) times (\(values.joined(separator: ", "))), which browsers refuse",
        "a proxy adds its own to the gateway's",
        [
          .nginx("no add_header Access-Control-Allow-Origin: the gateway sends it"),
          .haproxy("no http-response add-header Access-Control-Allow-Origin"), allowing,
        ])
    }
    guard let value = values.first else {
      return problem("has no Access-Control-Allow-Origin", "a proxy answers itself, or takes it away", passing)
    }
    guard value == "*" || value == origin else {
      return problem(
        "has Access-Control-Allow-Origin: \(value)", "a proxy or a cache answers for another origin",
        [.nginx("no proxy_cache for /v1/, or with Vary: Origin"), allowing])
    }
    let given = isPreflight ? answer.allowHeaders : answer.exposeHeaders
    let missing = Self.missing(isPreflight ? sent : Self.exposed, in: given)
    if isPreflight, let status = answer.status, !(200..<300).contains(status) {
      return problem("is answered with \(status)", "browsers want 2xx: a proxy answers itself", passing)
    }
    if !missing.isEmpty {
      let field = isPreflight ? "Access-Control-Allow-Headers" : "Access-Control-Expose-Headers"
      return Finding(
        .cors, isPreflight ? .problem : .warning,
        "\(what) of \(origin) lacks \(missing.joined(separator: ", ")) in \(field)",
        cause: "a proxy answers itself, or rewrites the gateway's answer", passing)
    }
    return Finding(.cors, .ok, "\(what) of \(origin) is allowed")
  }

  private static func missing(_ names: [String], in list: String?) -> [String] {
    let given = (list ?? "").lowercased()
    if given.filter({ $0 != " " }) == "*" { return names.filter { $0 == authorization } }
    let there = Set(given.split(separator: ",").map { String($0.filter { $0 != " " }) })
    return names.filter { !there.contains($0) }
  }

  private var webSocket: Finding? {
    guard let failure = webSocketFailure else { return nil }
    return Finding(
      .cors, .problem, "a websocket of a page of \(origin) was \(failure.words)",
      cause: failure.isGateways ? "the setting cors.origins does not have it" : "a proxy refuses it for its Origin",
      [allowing], transport: .websocket)
  }
}
