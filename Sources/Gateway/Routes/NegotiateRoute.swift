import Configuration
import Delivery
import HTTPServer
import HTTPSyntax
import StreamLog
import StreamStores
import Transports
import WireFormat

/// `GET /v1/negotiate` (protocol section 5): what this gateway lets this client use, best first, and where "now" is.
extension PublicRoutes {
  /// - Parameter publicURL: what the transports' URLs are under; nil: where the request went.
  func negotiate(_ exchange: any HTTPExchange, _ headers: HTTPHeaders, publicURL: String?) throws(Problem) {
    let request = exchange.request
    let query = try Query(request.target, allowed: ["transports", "topic"], repeatable: ["topic"])
    let patterns = try TopicPattern.parse(query.all("topic"), parameter: "topic")
    let allowed = context.settings.requests.transports.allowed(for: patterns)
    // A client may know transports that this gateway does not: those are passed over.
    let known = query["transports"].map { Set($0.split(separator: ",").map(String.init)) }
    let transports = allowed.filter { known?.contains($0.rawValue) ?? true }
    guard !transports.isEmpty else {
      throw .transportNotAllowed(
        query["transports"] ?? "any transport", allowed: allowed.map(\.rawValue), parameter: "transports")
    }
    let base = publicURL ?? "\(request.scheme)://\(authority(of: exchange))"
    let entries = transports.map { kind -> JSONValue in
      // http becomes ws, and https wss.
      let base = kind == .websocket ? "ws\(base.dropFirst("http".count))" : base
      return .object([("name", .string(kind.rawValue)), ("url", .string("\(base)/v1/stream"))])
    }
    exchange.respond(
      200,
      json: JSONValue.object([
        ("transports", .array(entries)),
        ("position", .id(context.hub.position(at: context.hub.store.tape.head))),
        ("heartbeat", .int(context.settings.websocketHeartbeatSeconds)),
        ("max_message_bytes", .int(configuration.limits.messageBytes)),
        (
          "reconnect",
          .object([
            ("min_ms", .int(configuration.reconnect.min.milliseconds)),
            ("max_ms", .int(configuration.reconnect.max.milliseconds)),
          ])
        ),
      ]).encoded, headers: headers)
  }

  /// What the client took for the gateway's name.
  private func authority(of exchange: any HTTPExchange) -> String {
    exchange.request.authority.isEmpty ? exchange.localAddress : exchange.request.authority
  }
}

extension Duration {
  var milliseconds: Int {
    Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000)
  }

  /// Rounded up, so that nothing shorter than a second becomes none.
  var wholeSeconds: Int { (milliseconds + 999) / 1000 }
}
