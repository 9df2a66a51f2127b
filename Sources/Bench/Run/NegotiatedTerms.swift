import GatewayClient
import WireFormat

/// What a gateway says of itself before anyone connects (protocol section 5).
struct NegotiatedTerms {
  var position: String?
  var maxMessageBytes: Int?
  /// The transports it lets clients use; nil if it does not say.
  var transports: [String]?

  /// - Throws: `GatewayClientError`.
  static func ask(_ gateway: GatewayCalls) async throws -> NegotiatedTerms {
    let answer = try await gateway.send(.get, "/v1/negotiate?transports=websocket,sse,ndjson,poll")
    guard let value = try? JSONValue(parsing: answer) else {
      throw GatewayClientError.notUnderstood("its answer to /v1/negotiate is not JSON")
    }
    return NegotiatedTerms(
      position: value["position"]?.stringValue, maxMessageBytes: value["max_message_bytes"]?.intValue,
      transports: value["transports"]?.arrayValue?.compactMap { $0["name"]?.stringValue })
  }
}
