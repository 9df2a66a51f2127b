/// The head of a response, with its framing decided.
package struct ResponseHead: Equatable, Sendable {
  package let status: Int
  package let version: HTTPVersion
  package let headers: HTTPHeaders
  package let framing: BodyFraming
  /// Whether another response may follow on the connection (RFC 9112 section 9.3).
  package let keepsAlive: Bool

  /// - Parameter isHeadRequest: the response answers HEAD, and has no body whatever its fields say.
  init(
    status: Int, version: HTTPVersion, headers: HTTPHeaders, isHeadRequest: Bool
  ) throws(HTTPSyntaxError) {
    self.status = status
    self.version = version
    self.headers = headers
    framing = try Self.framing(status, version, headers, isHeadRequest)
    keepsAlive = status != 101 && framing != .untilEnd && headers.keepsAlive(version)
  }

  /// Decides where the body ends (RFC 9112 section 6.3). Contradicting fields are refused even where the RFC lets a
  /// client choose: a proxy may have chosen otherwise, and then the next response is not where it seems to be.
  private static func framing(
    _ status: Int, _ version: HTTPVersion, _ headers: HTTPHeaders, _ isHeadRequest: Bool
  ) throws(HTTPSyntaxError) -> BodyFraming {
    if isHeadRequest || status < 200 || status == 204 || status == 304 { return .none }
    let codings = headers["Transfer-Encoding"]
    let lengths = headers["Content-Length"]
    if let coding = codings.first {
      guard version.minor >= 1 else { throw .transferEncodingOnHTTP10 }
      guard lengths.isEmpty else { throw .contentLengthWithTransferEncoding }
      guard codings.count == 1 else { throw .transferEncodingInvalid }
      // No other coding may be sent to us, because our requests have no TE field (RFC 9110 section 10.1.4).
      guard equalIgnoringCase(coding, "chunked") else { throw .transferCodingUnknown(coding.lowercased()) }
      return .chunked
    }
    guard let length = lengths.first else { return .untilEnd }
    guard lengths.count == 1 else { throw .contentLengthRepeated }
    let bytes = try HTTPGrammar.contentLength(Array(length.utf8)[...])
    return bytes == 0 ? .none : .length(bytes)
  }
}
