/// Lists of tokens in header fields: `Connection`, `Upgrade`, `Sec-WebSocket-Protocol` (RFC 9110 section 5.6).
package enum HeaderTokens {
  /// RFC 9110 section 5.6.2.
  static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"):
      true
    case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
      UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
      true
    default: false
    }
  }

  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  /// The items between commas, without the spaces around them; empty ones are skipped (section 5.6.1.2).
  private static func items(_ lines: [String]) -> [Substring.UTF8View] {
    lines.flatMap { line in
      line.utf8.split(separator: UInt8(ascii: ",")).compactMap { item in
        guard let first = item.firstIndex(where: { !isSpace($0) }), let last = item.lastIndex(where: { !isSpace($0) })
        else { return nil }
        return item[first...last]
      }
    }
  }

  /// The tokens of a field's lines in order; nil if something else stands among them.
  package static func list(_ lines: [String]) -> [String]? {
    let found = items(lines)
    guard found.allSatisfy({ $0.allSatisfy(isTokenByte) }) else { return nil }
    return found.map { String(Substring($0)) }
  }

  /// Whether `token` is among the items of a field's lines, in upper or lower case. Other items may be anything.
  package static func contains(_ token: String, in lines: [String]) -> Bool {
    items(lines).contains { item in item.elementsEqual(token.utf8, by: { lowercase($0) == lowercase($1) }) }
  }

  /// ASCII letters alone: no locale turns one header into another.
  static func lowercase(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
  }
}
