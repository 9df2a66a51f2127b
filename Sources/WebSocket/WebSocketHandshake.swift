/// The opening handshake's own values (RFC 6455 section 4), over header values as strings. A field's lines are
/// passed as they came, one string a line.
package enum WebSocketHandshake {
  package static let version = "13"
  private static let magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

  /// The `Sec-WebSocket-Accept` that answers `key` (section 4.2.2).
  package static func acceptKey(for key: String) -> String {
    Base64.encode(SHA1.hash(Array((key + magic).utf8)))
  }

  /// The key of a request.
  /// - Throws: `missingKey`, `repeatedKey`, `invalidKey`.
  package static func key(in lines: [String]) throws(HandshakeError) -> String {
    guard let key = lines.first else { throw .missingKey }
    if lines.count > 1 { throw .repeatedKey }
    if !isValidKey(key) { throw .invalidKey(key) }
    return key
  }

  /// Whether `key` is 16 bytes as base64: 22 digits and `==`.
  package static func isValidKey(_ key: String) -> Bool {
    let bytes = Array(key.utf8)
    return bytes.count == 24 && bytes[..<22].allSatisfy(Base64.isDigit) && bytes[22...] == [0x3D, 0x3D]
  }

  /// - Throws: `unsupportedVersion`, whose refusal is 426 with `Sec-WebSocket-Version: 13`.
  package static func checkVersion(_ lines: [String]) throws(HandshakeError) {
    guard lines == [version] else { throw .unsupportedVersion(lines.isEmpty ? nil : lines.joined(separator: ", ")) }
  }

  /// The first subprotocol that the client offered, in its order of preference, and we have; nil if there is none.
  /// Names are compared exactly (section 11.3.4).
  /// - Throws: `invalidHeader`.
  package static func chooseSubprotocol(offered lines: [String], from ours: [String]) throws(HandshakeError) -> String?
  {
    guard let offered = HeaderTokens.list(lines) else {
      throw .invalidHeader(field: "Sec-WebSocket-Protocol", value: lines.joined(separator: ", "))
    }
    return offered.first { ours.contains($0) }
  }

  /// Whether a request's `Connection` and `Upgrade` fields ask for a WebSocket (section 4.2.1).
  package static func isUpgrade(connection: [String], upgrade: [String]) -> Bool {
    HeaderTokens.contains("upgrade", in: connection) && HeaderTokens.contains("websocket", in: upgrade)
  }

  /// A client's key: 16 bytes that cannot be guessed, if `generator` is the system's.
  package static func generateKey(using generator: inout some RandomNumberGenerator) -> String {
    Base64.encode((0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) })
  }

  /// A client's check that the server understood it (section 4.1).
  /// - Throws: `wrongAccept`.
  package static func checkAccept(_ lines: [String], for key: String) throws(HandshakeError) {
    guard lines == [acceptKey(for: key)] else {
      throw .wrongAccept(lines.isEmpty ? nil : lines.joined(separator: ", "))
    }
  }
}
