package import HTTPServer
import NIOHTTP1
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
    let accepted = request.headers[canonicalForm: "accept"].map(String.init)
    guard !accepted.isEmpty else { return .poll }
    var best: TransportKind?
    for range in accepted {
      let parts = range.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
      guard let type = parts.first, !parts.dropFirst().contains(where: isZeroQuality) else { continue }
      switch type {
      case "text/event-stream": return .sse
      case "application/x-ndjson": best = .ndjson
      case "application/json", "application/*", "*/*": best = best ?? .poll
      default: continue
      }
    }
    guard let best else {
      throw .notAcceptable(
        accepted.joined(separator: ", "), available: ["text/event-stream", "application/x-ndjson", "application/json"])
    }
    return best
  }

  private static func isZeroQuality(_ parameter: String) -> Bool {
    parameter.hasPrefix("q=") && Double(parameter.dropFirst(2)) == 0
  }
}
