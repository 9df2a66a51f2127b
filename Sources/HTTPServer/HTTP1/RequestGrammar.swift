import HTTPSyntax

/// The head of a request (RFC 9112 sections 3 and 5), strictly.
enum RequestGrammar {
  /// - Parameter bytes: a whole head with its final empty line, as `HeadScanner` found it.
  static func parse(_ bytes: UnsafeRawBufferPointer, headerCount: Int) throws(HTTPSyntaxError) -> RequestHead {
    let end = HTTPGrammar.lineEnd(bytes, from: 0)
    let first = try requestLine(bytes, end: end)
    var headers = RequestFields(head: bytes)
    try HTTPGrammar.fields(bytes, after: end, limit: headerCount) { headers.add($0) }
    return try RequestHead(method: first.method, target: first.target, version: first.version, headers: headers)
  }

  private static func requestLine(
    _ bytes: UnsafeRawBufferPointer, end: Int
  ) throws(HTTPSyntaxError) -> (method: String, target: Range<Int>, version: HTTPVersion) {
    let methodEnd = HTTPGrammar.find(0x20, in: bytes, from: 0, to: end)
    let targetEnd = HTTPGrammar.find(0x20, in: bytes, from: min(methodEnd + 1, end), to: end)
    guard targetEnd < end, HTTPGrammar.find(0x20, in: bytes, from: targetEnd + 1, to: end) == end else {
      throw .malformedRequestLine
    }
    guard HTTPGrammar.isToken(bytes, 0..<methodEnd) else { throw .malformedMethod }
    let target = methodEnd + 1..<targetEnd
    guard !target.isEmpty else { throw .malformedTarget }
    for index in target where bytes[index] <= 0x20 || bytes[index] >= 0x7F { throw .malformedTarget }
    let version = try HTTPGrammar.version(bytes, targetEnd + 1..<end)
    return (String(decoding: bytes[..<methodEnd], as: UTF8.self), target, version)
  }
}
