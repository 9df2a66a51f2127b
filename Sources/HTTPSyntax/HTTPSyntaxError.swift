package enum HTTPMessageKind: String, Sendable {
  case request
  case response
}

/// The rule of RFC 9112, or of our limits, that a message breaks. After any of them the connection's framing cannot be
/// trusted, and the connection must be closed.
package enum HTTPSyntaxError: Error, Equatable, Sendable {
  // Lines
  case bareLineEnd
  case controlByte(UInt8)
  // Start line
  case malformedVersion
  case unsupportedVersion
  // Request line
  case requestLineTooLong(limit: Int)
  case malformedRequestLine
  case malformedMethod
  case malformedTarget
  // Status line
  case statusLineTooLong(limit: Int)
  case malformedStatusLine
  // Header fields
  case headersTooLarge(limit: Int)
  case tooManyHeaders(limit: Int)
  case foldedHeader
  case headerWithoutColon
  case emptyHeaderName
  case malformedHeaderName
  case malformedHeaderValue
  // Addressing
  case hostMissing
  case hostRepeated
  case hostInvalid
  // The end of the body
  case contentLengthRepeated
  case contentLengthInvalid
  case contentLengthWithTransferEncoding
  case transferEncodingOnHTTP10
  case transferEncodingInvalid
  case transferCodingUnknown(String)
  case expectationUnknown
  /// The connection ended before the message did.
  case unexpectedEnd
  // Methods
  case connectIsForWebSockets
  // Chunks
  case chunkSizeInvalid
  case chunkLineTooLong(limit: Int)
  case chunkEndMissing

  /// A sentence that names the broken rule.
  ///
  /// - Parameter message: the kind of the message that breaks it.
  package func sentence(for message: HTTPMessageKind) -> String {
    let versionPlace = message == .request ? "end" : "begin"
    let message = message.rawValue
    return switch self {
    case .bareLineEnd: "every line of a \(message) ends with CR LF; a CR or LF stands alone"
    case .controlByte(let byte): "byte 0x\(String(byte, radix: 16)) is not allowed in a \(message)'s head"
    case .malformedRequestLine: "the first line must be: method, one space, target, one space, HTTP/1.1"
    case .malformedMethod: "the method has a byte that no method may have"
    case .malformedTarget: "the target must be a path that begins with '/' or an absolute http URL, in ASCII"
    case .malformedVersion: "the first line must \(versionPlace) with HTTP/1.1 or HTTP/1.0"
    case .malformedStatusLine:
      "the first line must be: HTTP/1.1, one space, a status of three digits, and a reason if any"
    case .connectIsForWebSockets: "this server is no proxy: CONNECT is for ':protocol' websocket alone"
    case .foldedHeader: "a header field may not continue on the next line"
    case .headerWithoutColon: "a header field has no colon"
    case .emptyHeaderName: "a header field has no name"
    case .malformedHeaderName: "a header field's name has a byte that no name may have, or a space before its colon"
    case .malformedHeaderValue: "a header field's value has a line break or another control byte"
    case .hostMissing: "the request has no Host field"
    case .hostRepeated: "the request has more than one Host field"
    case .hostInvalid: "the Host field must be a host name or address, with a port if need be"
    case .contentLengthRepeated: "the \(message) has more than one Content-Length"
    case .contentLengthInvalid: "Content-Length must be a decimal number and nothing else"
    case .contentLengthWithTransferEncoding: "the \(message) has both Content-Length and Transfer-Encoding"
    case .transferEncodingOnHTTP10: "an HTTP/1.0 \(message) may not have Transfer-Encoding"
    case .transferEncodingInvalid: "Transfer-Encoding must be exactly: chunked"
    case .unexpectedEnd: "the connection ended before the \(message) was complete"
    case .chunkSizeInvalid: "a chunk's size must be a hexadecimal number of at most 15 digits"
    case .chunkLineTooLong(let limit): "a chunk's extensions are longer than \(limit) bytes"
    case .chunkEndMissing: "a chunk is not followed by CR LF"
    case .requestLineTooLong(let limit): "the request line is longer than \(limit) bytes"
    case .statusLineTooLong(let limit): "the status line is longer than \(limit) bytes"
    case .headersTooLarge(let limit): "the header fields are longer than \(limit) bytes"
    case .tooManyHeaders(let limit): "the \(message) has more than \(limit) header fields"
    case .unsupportedVersion: "this server speaks HTTP/1.1 and HTTP/1.0"
    case .expectationUnknown: "the only expectation known is 100-continue"
    case .transferCodingUnknown(let coding): "the transfer coding \(coding) is not known"
    }
  }
}
