import NIOCore
import HTTPSyntax

/// One-shot calls to one gateway, for callers who want bytes and know nothing of HTTP libraries: a refusal is an
/// error.
package struct GatewayCalls: Sendable {
  package enum Method: String, Sendable {
    case get = "GET"
    case post = "POST"
    case delete = "DELETE"
  }

  package let client: HTTPClient
  package let base: GatewayURL

  package init(client: HTTPClient, base: GatewayURL) {
    self.client = client
    self.base = base
  }

  /// Asks for `target`, a path with its query below the base, and returns the answer's body.
  ///
  /// - Throws: `GatewayClientError`: `refused` for an answer of 400 or more; `CancellationError`.
  package func send(
    _ method: Method, _ target: String, headers: [(String, String)] = [], body: [UInt8]? = nil,
    timeout: Duration = .seconds(30)
  ) async throws -> [UInt8] {
    let answer = try await client.request(
      HTTPMethod(rawValue: method.rawValue), base.appending(target), headers: HTTPHeaders(headers),
      body: body.map { ByteBuffer(bytes: $0) }, timeout: timeout)
    if let refusal = answer.refusal { throw GatewayClientError.refused(refusal) }
    return answer.bytes
  }

  /// The path of a topic.
  package static func path(ofTopic topic: String) -> String { "/v1/topics/\(QueryString.encoded(topic))" }
}
