package import NIOHTTP1

/// Where a request's body ends (RFC 9112 section 6.3).
package enum BodyFraming: Equatable, Sendable {
  case none
  /// In bytes; above 0.
  case length(Int)
  case chunked
}

/// A request's head, with everything decided that the connection needs to go on.
package struct RequestHead: Equatable, Sendable {
  package let method: String
  package let target: String
  package let version: HTTPVersion
  package let headers: HTTPHeaders
  /// The Host field; empty on HTTP/1.0 without one.
  package let host: String
  package let framing: BodyFraming
  /// Whether the client wants the connection to stay (RFC 9112 section 9.3).
  package let keepsAlive: Bool
  package let expectsContinue: Bool
  package let asksForUpgrade: Bool

  /// Judges the fields that decide about addressing and framing. Every doubt is an error, because a proxy before us
  /// may read the doubt the other way (request smuggling).
  init(method: String, target: String, version: HTTPVersion, headers: HTTPHeaders) throws(RequestSyntaxError) {
    self.method = method
    self.target = target
    self.version = version
    self.headers = headers
    let isHTTP11 = version.minor >= 1

    let hosts = headers["host"]
    guard hosts.count <= 1 else { throw .hostRepeated }
    if let host = hosts.first {
      guard Authority.isValid(host) else { throw .hostInvalid }
      self.host = host
    } else {
      guard !isHTTP11 else { throw .hostMissing }
      self.host = ""
    }

    framing = try Self.framing(headers, isHTTP11: isHTTP11)

    let expectations = headers["expect"]
    if isHTTP11, let expectation = expectations.first {
      guard expectations.count == 1, equalIgnoringCase(expectation.utf8, "100-continue".utf8) else {
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

  private static func framing(_ headers: HTTPHeaders, isHTTP11: Bool) throws(RequestSyntaxError) -> BodyFraming {
    let lengths = headers["content-length"]
    let codings = headers["transfer-encoding"]
    if !codings.isEmpty {
      guard isHTTP11 else { throw .transferEncodingOnHTTP10 }
      guard lengths.isEmpty else { throw .contentLengthWithTransferEncoding }
      guard codings.count == 1 else { throw .transferEncodingInvalid }
      let coding = codings[0]
      if equalIgnoringCase(coding.utf8, "chunked".utf8) { return .chunked }
      // "gzip, chunked" is framed soundly, only coded in a way we do not undo: 501 (RFC 9112 section 6.1).
      let parts = coding.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        .map { String(Substring($0)).trimmingBlanks.lowercased() }
      guard parts.count > 1, parts.last == "chunked", !parts.dropLast().contains("chunked"),
        parts.allSatisfy({ HeadGrammar.isToken($0.utf8) })
      else { throw .transferEncodingInvalid }
      throw .transferCodingUnknown(parts[0])
    }
    guard let text = lengths.first else { return .none }
    guard lengths.count == 1 else { throw .contentLengthRepeated }
    // 18 digits are below Int.max, and nobody sends more.
    guard (1...18).contains(text.utf8.count),
      text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let length = Int(text)
    else { throw .contentLengthInvalid }
    return length == 0 ? .none : .length(length)
  }
}

extension String {
  /// Without spaces and tabs at both ends.
  fileprivate var trimmingBlanks: String {
    let start = drop { $0 == " " || $0 == "\t" }
    guard let last = start.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
    return String(start[...last])
  }
}
