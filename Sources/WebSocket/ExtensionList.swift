/// One extension in a `Sec-WebSocket-Extensions` field: a name and its parameters (RFC 6455 section 9.1).
struct ExtensionItem: Equatable {
  struct Parameter: Equatable {
    var name: String
    /// Nil for a parameter without `=`. A quoted value is here without its quotes.
    var value: String?
  }

  var name: String
  var parameters: [Parameter]
}

/// Reads the field: `1#( token *( ";" token [ "=" ( token | quoted-string ) ] ) )`.
struct ExtensionList {
  static let field = "Sec-WebSocket-Extensions"

  private let bytes: [UInt8]
  private var index = 0

  /// The extensions of the field's lines in order.
  /// - Throws: `HandshakeError.invalidHeader`, also for a field without any extension.
  static func parse(_ lines: [String]) throws(HandshakeError) -> [ExtensionItem] {
    let value = lines.joined(separator: ",")
    var reader = ExtensionList(bytes: Array(value.utf8))
    guard let items = reader.items(), !items.isEmpty else { throw .invalidHeader(field: field, value: value) }
    return items
  }

  private init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  private mutating func items() -> [ExtensionItem]? {
    var found: [ExtensionItem] = []
    while true {
      skipSpace()
      if index == bytes.count { return found }
      if skip(UInt8(ascii: ",")) { continue }
      guard let item = item() else { return nil }
      found.append(item)
      guard index == bytes.count || skip(UInt8(ascii: ",")) else { return nil }
    }
  }

  /// Leaves the index at the end or at what follows the spaces after the item.
  private mutating func item() -> ExtensionItem? {
    guard let name = token() else { return nil }
    var item = ExtensionItem(name: name, parameters: [])
    skipSpace()
    while skip(UInt8(ascii: ";")) {
      skipSpace()
      guard let name = token() else { return nil }
      var parameter = ExtensionItem.Parameter(name: name, value: nil)
      skipSpace()
      if skip(UInt8(ascii: "=")) {
        skipSpace()
        guard let value = index < bytes.count && bytes[index] == UInt8(ascii: "\"") ? quoted() : token() else {
          return nil
        }
        parameter.value = value
        skipSpace()
      }
      item.parameters.append(parameter)
    }
    return item
  }

  private mutating func token() -> String? {
    let start = index
    while index < bytes.count, HeaderTokens.isTokenByte(bytes[index]) { index += 1 }
    return start == index ? nil : String(decoding: bytes[start..<index], as: UTF8.self)
  }

  /// Section 9.1: what a quoted string says must itself be a token.
  private mutating func quoted() -> String? {
    index += 1
    var said: [UInt8] = []
    while index < bytes.count {
      if skip(UInt8(ascii: "\"")) { return said.isEmpty ? nil : String(decoding: said, as: UTF8.self) }
      _ = skip(UInt8(ascii: "\\"))
      guard index < bytes.count, HeaderTokens.isTokenByte(bytes[index]) else { return nil }
      said.append(bytes[index])
      index += 1
    }
    return nil
  }

  private mutating func skipSpace() {
    while index < bytes.count, HeaderTokens.isSpace(bytes[index]) { index += 1 }
  }

  private mutating func skip(_ byte: UInt8) -> Bool {
    guard index < bytes.count, bytes[index] == byte else { return false }
    index += 1
    return true
  }
}
