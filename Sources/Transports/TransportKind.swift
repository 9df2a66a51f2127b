package import HTTPServer
import HTTPSyntax
package import WireFormat

/// How a subscriber is reached.
package enum TransportKind: String, Sendable, CaseIterable {
  case websocket
  case sse
  case ndjson
  case poll

  package static let names = allCases.map(\.rawValue)

  /// Chooses from the request (protocol section 4): what `transport` names, else an upgrade, else the Accept field.
  ///
  /// - Throws: 406 if the client accepts nothing that is here, 400 for a transport that does not exist.
  package static func negotiate(_ request: HTTPRequest, named name: String?) throws(Problem) -> TransportKind {
    if let name {
      guard let kind = TransportKind(rawValue: name) else {
        throw .invalidParameter("transport", "must be one of \(names.joined(separator: ", "))")
      }
      return kind
    }
    if request.wantsWebSocket { return .websocket }
    var isAnyNamed = false
    var best: TransportKind?
    request.headers.forEachElement("accept") { range in
      isAnyNamed = true
      let type = range.prefix { $0 != UInt8(ascii: ";") }
      guard type.count == range.count || !isRefused(range[type.endIndex...]) else { return }
      switch kind(type.trimmingBlanks) {
      case .sse: best = .sse
      case .ndjson where best != .sse: best = .ndjson
      case .poll: best = best ?? .poll
      default: break
      }
    }
    guard isAnyNamed else { return .poll }
    guard let best else {
      throw .notAcceptable(
        request.headers[canonicalForm: "accept"].joined(separator: ", "),
        available: ["text/event-stream", "application/x-ndjson", "application/json"])
    }
    return best
  }

  private static func kind(_ type: ArraySlice<UInt8>) -> TransportKind? {
    if equalIgnoringCase(type, "application/json") { return .poll }
    if equalIgnoringCase(type, "text/event-stream") { return .sse }
    if equalIgnoringCase(type, "application/x-ndjson") { return .ndjson }
    return equalIgnoringCase(type, "*/*") || equalIgnoringCase(type, "application/*") ? .poll : nil
  }

  /// Whether the parameters say that the client does not want it: `;q=0`.
  private static func isRefused(_ parameters: ArraySlice<UInt8>) -> Bool {
    parameters.split(separator: UInt8(ascii: ";")).contains { parameter in
      let text = String(decoding: parameter.filter { $0 != 0x20 && $0 != 0x09 }, as: UTF8.self).lowercased()
      return text.hasPrefix("q=") && Double(text.dropFirst(2)) == 0
    }
  }
}
