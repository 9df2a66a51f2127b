/// The rule of RFC 9112 (or of our limits) that a request breaks. After any of them the connection's framing cannot be
/// trusted: it is answered once and closed.
package enum RequestSyntaxError: Error, Equatable, Sendable {
  // Lines
  case bareLineEnd
  case controlByte(UInt8)
  // Request line
  case requestLineTooLong(limit: Int)
  case malformedRequestLine
  case malformedMethod
  case malformedTarget
  case malformedVersion
  case unsupportedVersion
  // Header fields
  case headersTooLarge(limit: Int)
  case tooManyHeaders(limit: Int)
  case foldedHeader
  case headerWithoutColon
  case emptyHeaderName
  case malformedHeaderName
  // Who is addressed
  case hostMissing
  case hostRepeated
  case hostInvalid
  // Where the body ends
  case contentLengthRepeated
  case contentLengthInvalid
  case contentLengthWithTransferEncoding
  case transferEncodingOnHTTP10
  case transferEncodingInvalid
  case transferCodingUnknown(String)
  case expectationUnknown
  // Methods
  case connectIsForWebSockets
  // Chunks
  case chunkSizeInvalid
  case chunkLineTooLong(limit: Int)
  case chunkEndMissing

  /// What the peer is answered with.
  package var fault: HTTPFault {
    switch self {
    case .requestLineTooLong(let limit): .uriTooLong(limit: limit)
    case .headersTooLarge(let limit), .tooManyHeaders(let limit): .headersTooLarge(limit: limit)
    case .unsupportedVersion: .versionNotSupported
    case .expectationUnknown: .expectationFailed
    case .transferCodingUnknown(let coding): .notImplemented(coding: coding)
    default: .badRequest(detail: detail)
    }
  }

  private var detail: String {
    switch self {
    case .bareLineEnd: "every line of a request ends with CR LF; a CR or LF stands alone"
    case .controlByte(let byte): "byte 0x\(String(byte, radix: 16)) is not allowed in a request's head"
    case .malformedRequestLine: "the first line must be: method, one space, target, one space, HTTP/1.1"
    case .malformedMethod: "the method has a byte that no method may have"
    case .malformedTarget: "the target must be a path that begins with '/' or an absolute http URL, in ASCII"
    case .malformedVersion: "the first line must end with HTTP/1.1 or HTTP/1.0"
    case .connectIsForWebSockets: "this server is no proxy: CONNECT is for ':protocol' websocket alone"
    case .foldedHeader: "a header field may not continue on the next line"
    case .headerWithoutColon: "a header field has no colon"
    case .emptyHeaderName: "a header field has no name"
    case .malformedHeaderName: "a header field's name has a byte that no name may have, or a space before its colon"
    case .hostMissing: "the request has no Host field"
    case .hostRepeated: "the request has more than one Host field"
    case .hostInvalid: "the Host field must be a host name or address, with a port if need be"
    case .contentLengthRepeated: "the request has more than one Content-Length"
    case .contentLengthInvalid: "Content-Length must be a decimal number and nothing else"
    case .contentLengthWithTransferEncoding: "the request has both Content-Length and Transfer-Encoding"
    case .transferEncodingOnHTTP10: "an HTTP/1.0 request may not have Transfer-Encoding"
    case .transferEncodingInvalid: "Transfer-Encoding must be exactly: chunked"
    case .chunkSizeInvalid: "a chunk's size must be a hexadecimal number of at most 15 digits"
    case .chunkLineTooLong(let limit): "a chunk's extensions are longer than \(limit) bytes"
    case .chunkEndMissing: "a chunk is not followed by CR LF"
    case .requestLineTooLong(let limit): "the request line is longer than \(limit) bytes"
    case .headersTooLarge(let limit): "the header fields are longer than \(limit) bytes"
    case .tooManyHeaders(let limit): "the request has more than \(limit) header fields"
    case .unsupportedVersion: "this server speaks HTTP/1.1 and HTTP/1.0"
    case .expectationUnknown: "the only expectation known is 100-continue"
    case .transferCodingUnknown(let coding): "the transfer coding \(coding) is not known"
    }
  }
}
