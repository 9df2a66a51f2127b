/// What the server itself refuses, before or beside any route. The words and the body of the answer are not decided
/// here: a listener is given a closure that turns a fault into a response, so that every error of the product reads
/// the same. The connection is closed after each of them.
package enum HTTPFault: Error, Equatable, Sendable {
  /// 400. `detail` names the broken rule in words a person can act on.
  case badRequest(detail: String)
  /// 408: the request's head was not complete in time.
  case requestTimeout
  /// 408: the request's body was not complete in time.
  case payloadTimeout
  /// 414: the request line is longer than `limit` bytes.
  case uriTooLong(limit: Int)
  /// 417: `Expect` asks for something other than `100-continue`.
  case expectationFailed
  /// 429: this address has as many connections as one address may have. `retryAfter` is in seconds.
  case tooManyConnectionsFromAddress(retryAfter: Int)
  /// 431: the header fields are longer than `limit` bytes, or more than `limit` in number.
  case headersTooLarge(limit: Int)
  /// 501: a transfer coding before the final `chunked`, which this server does not undo.
  case notImplemented(coding: String)
  /// 503: the listener has as many connections as it may have, or the process no descriptor left. `retryAfter` is in
  /// seconds.
  case tooManyConnections(retryAfter: Int)
  /// 505: neither HTTP/1.0 nor HTTP/1.1.
  case versionNotSupported

  package var status: Int {
    switch self {
    case .badRequest: 400
    case .requestTimeout, .payloadTimeout: 408
    case .uriTooLong: 414
    case .expectationFailed: 417
    case .tooManyConnectionsFromAddress: 429
    case .headersTooLarge: 431
    case .notImplemented: 501
    case .tooManyConnections: 503
    case .versionNotSupported: 505
    }
  }
}
