package import HTTPServer
package import HTTPSyntax
package import WireFormat

/// Which pages may use the gateway: its own origin's and those the operator allows.
///
/// A browser names a page's origin in every request that could harm; a websocket and a plain POST are not stopped by
/// the browser itself, so a foreign origin is refused here and not only left without CORS fields.
package struct CrossOrigin: Sendable {
  private let origins: Set<String>
  private let own: String?
  private let allowsAll: Bool
  /// The fields for the answer to a request that names none.
  private let withoutOrigin: HTTPHeaders

  /// - Parameters:
  ///   - origins: as browsers send them, or `*`.
  ///   - own: the gateway's host, perhaps with a port, where requests may have another one; nil: what they have.
  package init(origins: [String], own: String? = nil) {
    self.origins = Set(origins)
    self.own = own
    allowsAll = origins.contains("*")
    withoutOrigin = origins.isEmpty || allowsAll ? [:] : ["Vary": "Origin"]
  }

  /// The fields for the answer. - Throws: 403 for an origin that is not allowed.
  package func check(_ request: HTTPRequest) throws(Problem) -> HTTPHeaders {
    guard let origin = request.headers.first(name: "origin") else { return withoutOrigin }
    return try check(origin: origin, authority: request.authority)
  }

  /// - Parameter authority: the host and port that the request went to.
  package func check(origin: String?, authority: String) throws(Problem) -> HTTPHeaders {
    guard let origin else { return withoutOrigin }
    if allowsAll { return ["Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": Self.exposed] }
    if origins.contains(origin) {
      return [
        "Access-Control-Allow-Origin": origin, "Vary": "Origin", "Access-Control-Expose-Headers": Self.exposed,
      ]
    }
    guard Self.isSame(origin, authority) || own.map({ Self.isSame(origin, $0) }) == true else {
      throw .originNotAllowed(origin)
    }
    return [:]
  }

  private static let exposed = "Link, Location, Retry-After"

  /// The answer to a preflight, beyond what `check` gives.
  package static let preflight: HTTPHeaders = [
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
    "Access-Control-Allow-Headers":
      "Content-Type, Event, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Authorization",
    "Access-Control-Max-Age": "600",
  ]

  /// Whether the page came from the host the request went to. The scheme may differ: a proxy in front may end TLS.
  private static func isSame(_ origin: String, _ authority: String) -> Bool {
    guard let colon = origin.range(of: "://") else { return false }
    let scheme = origin[..<colon.lowerBound]
    let standardPort = scheme == "https" ? ":443" : ":80"
    func plain(_ authority: some StringProtocol) -> String {
      let lower = authority.lowercased()
      return lower.hasSuffix(standardPort) ? String(lower.dropLast(standardPort.count)) : lower
    }
    return !authority.isEmpty && plain(origin[colon.upperBound...]) == plain(authority)
  }
}

extension StringProtocol {
  /// The first place of a short text.
  fileprivate func range(of needle: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(needle) { return start..<index(start, offsetBy: needle.count) }
      start = index(after: start)
    }
    return nil
  }
}
