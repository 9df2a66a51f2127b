/// Why an opening handshake is refused: the HTTP status and, in `description`, what the client should do.
package enum HandshakeError: Error, Equatable, Sendable {
  /// RFC 6455 section 4.2.1: one key, 16 bytes as base64.
  case missingKey
  case repeatedKey
  case invalidKey(String)
  /// Section 4.4: answered with 426 and the version we speak.
  case unsupportedVersion(String?)
  /// A header that is a list is not one; `field` is its name.
  case invalidHeader(field: String, value: String)
  /// Ours as a client: the server's answer is not the one to our key.
  case wrongAccept(String?)
  /// Ours as a client: the server chose an extension, or parameters, that we did not offer.
  case unexpectedExtension(String)

  /// The status of the refusal: 426 for another version, otherwise 400.
  package var status: Int {
    if case .unsupportedVersion = self { 426 } else { 400 }
  }

  /// A header that the refusal must carry (section 4.4).
  package var header: (name: String, value: String)? {
    if case .unsupportedVersion = self { ("Sec-WebSocket-Version", WebSocketHandshake.version) } else { nil }
  }
}

extension HandshakeError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .missingKey: "Sec-WebSocket-Key is missing; send 16 random bytes as base64"
    case .repeatedKey: "Sec-WebSocket-Key is there more than once; send one"
    case .invalidKey(let key): "Sec-WebSocket-Key \"\(key)\" is not 16 bytes as base64"
    case .unsupportedVersion(let version?): "WebSocket version \(version) is not spoken here; use 13"
    case .unsupportedVersion(nil): "Sec-WebSocket-Version is missing; use 13"
    case .invalidHeader(let field, let value): "\(field) cannot be read: \"\(value)\""
    case .wrongAccept(let accept?): "the server answered with Sec-WebSocket-Accept \"\(accept)\", not for our key"
    case .wrongAccept(nil): "the server answered without Sec-WebSocket-Accept; is it a WebSocket server?"
    case .unexpectedExtension(let value): "the server chose an extension that was not offered: \"\(value)\""
    }
  }
}
