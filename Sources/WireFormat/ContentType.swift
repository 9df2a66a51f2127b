/// What a `Content-Type` says about how a body becomes a message's `data` (RFC 9110 section 8.3).
struct ContentType {
  /// `type/subtype` in lower case.
  let essence: String
  /// The charset parameter in lower case, without quotes.
  let charset: String?

  /// - Returns: nil for what is not `type/subtype` with parameters.
  init?(_ text: String) {
    let parts = ContentType.split(text)
    guard let first = parts.first else { return nil }
    let names = first.split(separator: "/", omittingEmptySubsequences: false)
    guard names.count == 2, names.allSatisfy({ ContentType.isToken($0) }) else { return nil }
    var charset: String?
    for parameter in parts.dropFirst() where !parameter.isEmpty {
      guard let equals = parameter.utf8.firstIndex(of: UInt8(ascii: "=")) else { return nil }
      let name = parameter[..<equals]
      var value = parameter[parameter.utf8.index(after: equals)...]
      guard ContentType.isToken(name) else { return nil }
      if value.utf8.first == UInt8(ascii: "\""), value.utf8.count >= 2, value.utf8.last == UInt8(ascii: "\"") {
        value = value.dropFirst().dropLast()
      } else {
        guard ContentType.isToken(value) else { return nil }
      }
      if name.lowercased() == "charset" { charset = value.lowercased() }
    }
    self.essence = first.lowercased()
    self.charset = charset
  }

  var isJSON: Bool { essence == "application/json" || essence.hasSuffix("+json") }
  var isText: Bool { essence.hasPrefix("text/") }

  /// The text between semicolons that stand outside quotes, without the whitespace around it.
  private static func split(_ text: String) -> [Substring] {
    var parts: [Substring] = []
    var start = text.startIndex
    var inQuotes = false
    for index in text.utf8.indices {
      switch text.utf8[index] {
      case UInt8(ascii: "\""): inQuotes.toggle()
      case UInt8(ascii: ";") where !inQuotes:
        parts.append(trimmed(text[start..<index]))
        start = text.utf8.index(after: index)
      default: break
      }
    }
    parts.append(trimmed(text[start...]))
    return parts
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while let byte = text.utf8.first, byte == 0x20 || byte == 0x09 { text.unicodeScalars.removeFirst() }
    while let byte = text.utf8.last, byte == 0x20 || byte == 0x09 { text.unicodeScalars.removeLast() }
    return text
  }

  /// RFC 9110 section 5.6.2.
  private static func isToken(_ text: Substring) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
          UInt8(ascii: "A")...UInt8(ascii: "Z"):
          true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
      }
  }
}
