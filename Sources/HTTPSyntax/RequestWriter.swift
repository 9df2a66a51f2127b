package import NIOCore

/// Writes heads of requests (RFC 9112 section 3).
package enum RequestWriter {
  /// - Parameter target: written as it is; it must not have spaces or line breaks.
  /// - Throws: `malformedHeaderName` or `malformedHeaderValue` for a field that would not be read as one field. Nothing
  ///   is written then.
  package static func write(
    _ method: HTTPMethod, _ target: String, _ headers: HTTPHeaders, to buffer: inout ByteBuffer
  ) throws(HTTPSyntaxError) {
    for (name, value) in headers {
      guard HTTPGrammar.isToken(Array(name.utf8)[...]) else { throw .malformedHeaderName }
      guard HTTPGrammar.isFieldValue(value) else { throw .malformedHeaderValue }
    }
    buffer.writeString("\(method.rawValue) \(target) HTTP/1.1\r\n")
    for (name, value) in headers { buffer.writeString("\(name): \(value)\r\n") }
    buffer.writeStaticString("\r\n")
  }
}
