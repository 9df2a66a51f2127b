package import HTTPSyntax

/// A request's head, with everything decided that the connection needs to go on.
package struct RequestHead: Equatable, Sendable {
  package let method: String
  package let version: HTTPVersion
  package let headers: RequestFields
  package let framing: BodyFraming
  /// Whether the client wants the connection to stay (RFC 9112 section 9.3).
  package let keepsAlive: Bool
  package let expectsContinue: Bool
  package let asksForUpgrade: Bool
  /// Asks for a WebSocket on an HTTP/2 stream (RFC 8441): without a key and without fields about the connection.
  package let isWebSocketConnect: Bool
  private let targetRange: Range<Int>
  /// HTTP/2's `:authority`.
  private let authorityRange: Range<Int>?

  /// Judges the fields that decide about addressing and framing. Every doubt is an error, because a proxy before us
  /// may read the doubt the other way (request smuggling).
  ///
  /// - Parameter target: where it lies in the head's bytes.
  init(
    method: String, target: Range<Int>, version: HTTPVersion, headers: RequestFields
  ) throws(HTTPSyntaxError) {
    self.method = method
    targetRange = target
    authorityRange = nil
    isWebSocketConnect = false
    self.version = version
    self.headers = headers
    let isHTTP11 = version.minor >= 1

    if let host = headers.firstValue("host") {
      guard !headers.isRepeated("host") else { throw .hostRepeated }
      guard Authority.isValid(host) else { throw .hostInvalid }
    } else {
      guard !isHTTP11 else { throw .hostMissing }
    }

    framing = try Self.framing(headers, isHTTP11: isHTTP11)

    if isHTTP11, let expectation = headers.firstValue("expect") {
      guard !headers.isRepeated("expect"), equalIgnoringCase(expectation, "100-continue") else {
        throw .expectationUnknown
      }
      expectsContinue = framing != .none
    } else {
      expectsContinue = false
    }

    let closes = headers.hasToken("close", in: "connection")
    keepsAlive = !closes && (isHTTP11 || headers.hasToken("keep-alive", in: "connection"))
    asksForUpgrade = headers.contains(name: "upgrade")
  }

  /// An HTTP/2 request (RFC 9113 section 8.3), whose fields nghttp2 has checked.
  ///
  /// - Parameters:
  ///   - target: where `:path` lies in the fields' bytes.
  ///   - authority: the same of `:authority`, if it was sent.
  ///   - webSocket: a CONNECT with `:protocol` `websocket`; for routes that is a GET, as it is on HTTP/1.1.
  ///   - hasBody: the stream goes on behind the head.
  init(
    http2 method: String, target: Range<Int>, authority: Range<Int>?, headers: RequestFields, webSocket: Bool,
    hasBody: Bool
  ) throws(HTTPSyntaxError) {
    self.method = webSocket ? "GET" : method
    targetRange = target
    authorityRange = authority
    isWebSocketConnect = webSocket
    version = .http2
    self.headers = headers
    framing = hasBody && !webSocket ? .untilEnd : .none
    keepsAlive = true
    expectsContinue = false
    asksForUpgrade = false
    guard let host = authority.map({ headers.bytes[$0] }) ?? headers.firstValue("host") else { throw .hostMissing }
    guard Authority.isValid(host) else { throw .hostInvalid }
    guard !targetBytes.isEmpty else { throw .malformedTarget }
  }

  package var target: String { String(decoding: targetBytes, as: UTF8.self) }
  var targetBytes: ArraySlice<UInt8> { headers.bytes[targetRange] }

  /// The Host field, or what HTTP/2 has in its place; empty on HTTP/1.0 without one.
  package var host: String {
    authorityRange.map { String(decoding: headers.bytes[$0], as: UTF8.self) } ?? headers.first(name: "host") ?? ""
  }

  private static func framing(_ headers: RequestFields, isHTTP11: Bool) throws(HTTPSyntaxError) -> BodyFraming {
    if let coding = headers.firstValue("transfer-encoding") {
      guard isHTTP11 else { throw .transferEncodingOnHTTP10 }
      guard !headers.contains(name: "content-length") else { throw .contentLengthWithTransferEncoding }
      guard !headers.isRepeated("transfer-encoding") else { throw .transferEncodingInvalid }
      if equalIgnoringCase(coding, "chunked") { return .chunked }
      // "gzip, chunked" is framed soundly, only coded in a way we do not undo: 501 (RFC 9112 section 6.1).
      let parts = coding.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map(\.trimmingBlanks)
      guard parts.count > 1, equalIgnoringCase(parts[parts.count - 1], "chunked"),
        !parts.dropLast().contains(where: { equalIgnoringCase($0, "chunked") }),
        parts.allSatisfy({ HTTPGrammar.isToken($0) })
      else { throw .transferEncodingInvalid }
      throw .transferCodingUnknown(String(decoding: parts[0], as: UTF8.self).lowercased())
    }
    guard let digits = headers.firstValue("content-length") else { return .none }
    guard !headers.isRepeated("content-length") else { throw .contentLengthRepeated }
    let length = try HTTPGrammar.contentLength(digits)
    return length == 0 ? .none : .length(length)
  }
}
