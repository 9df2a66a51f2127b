/// A JSON object as it came from the gateway, its members found but not copied.
///
/// A client must hand on messages byte for byte and needs only a few members of them, so this reads slices of what
/// came instead of building a tree. It trusts the gateway to send JSON and checks only what it must to stay inside
/// the bytes: what is not an object, or is cut short, is nil.
package struct ReceivedObject: Sendable {
  private var members: [(key: String, value: ArraySlice<UInt8>)] = []

  package init?(_ bytes: [UInt8]) { self.init(bytes[...]) }

  package init?(_ bytes: ArraySlice<UInt8>) {
    var cursor = JSONCursor(bytes)
    guard cursor.take(UInt8(ascii: "{")) else { return nil }
    if !cursor.take(UInt8(ascii: "}")) {
      repeat {
        guard let key = cursor.string(), cursor.take(UInt8(ascii: ":")), let value = cursor.value() else { return nil }
        members.append((key, value))
      } while cursor.take(UInt8(ascii: ","))
      guard cursor.take(UInt8(ascii: "}")) else { return nil }
    }
    guard cursor.isAtEnd else { return nil }
  }

  /// The bytes of a member's value, without whitespace around them.
  package func raw(_ key: String) -> ArraySlice<UInt8>? { members.first { $0.key == key }?.value }

  package func string(_ key: String) -> String? {
    guard let raw = raw(key) else { return nil }
    var cursor = JSONCursor(raw)
    return cursor.string()
  }

  package func integer(_ key: String) -> Int64? {
    raw(key).flatMap { Int64(String(decoding: $0, as: UTF8.self)) }
  }

  /// The bytes of each element of a member that is an array.
  package func elements(_ key: String) -> [ArraySlice<UInt8>]? {
    guard let raw = raw(key) else { return nil }
    var cursor = JSONCursor(raw)
    guard cursor.take(UInt8(ascii: "[")) else { return nil }
    if cursor.take(UInt8(ascii: "]")) { return [] }
    var found: [ArraySlice<UInt8>] = []
    repeat {
      guard let value = cursor.value() else { return nil }
      found.append(value)
    } while cursor.take(UInt8(ascii: ","))
    return cursor.take(UInt8(ascii: "]")) ? found : nil
  }
}

/// A place in JSON text that moves over whole tokens (RFC 8259).
private struct JSONCursor {
  private let bytes: ArraySlice<UInt8>
  private var index: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    index = bytes.startIndex
  }

  private mutating func skipSpace() {
    while index < bytes.endIndex, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[index]) { index += 1 }
  }

  var isAtEnd: Bool {
    mutating get {
      skipSpace()
      return index == bytes.endIndex
    }
  }

  /// Moves over `byte` if it is the next token.
  mutating func take(_ byte: UInt8) -> Bool {
    skipSpace()
    guard index < bytes.endIndex, bytes[index] == byte else { return false }
    index += 1
    return true
  }

  /// Moves over one value of any kind; brackets are counted, so depth costs nothing.
  mutating func value() -> ArraySlice<UInt8>? {
    skipSpace()
    let start = index
    var depth = 0
    while index < bytes.endIndex {
      switch bytes[index] {
      case UInt8(ascii: "\""):
        guard skipString() else { return nil }
        if depth == 0 { return bytes[start..<index] }
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        if depth == 0 { return start == index ? nil : bytes[start..<index] }
        depth -= 1
        if depth == 0 {
          index += 1
          return bytes[start..<index]
        }
      case UInt8(ascii: ","), 0x20, 0x0a, 0x0d, 0x09:
        if depth == 0 { return start == index ? nil : bytes[start..<index] }
      default: break
      }
      index += 1
    }
    return depth == 0 && start < index ? bytes[start..<index] : nil
  }

  /// Moves over a string and its quotes; false if it does not end.
  private mutating func skipString() -> Bool {
    index += 1
    while index < bytes.endIndex {
      switch bytes[index] {
      case UInt8(ascii: "\\"): index += 2
      case UInt8(ascii: "\""):
        index += 1
        return true
      default: index += 1
      }
    }
    index = bytes.endIndex
    return false
  }

  /// Moves over a string and decodes it; nil if the next token is not one.
  mutating func string() -> String? {
    skipSpace()
    guard index < bytes.endIndex, bytes[index] == UInt8(ascii: "\"") else { return nil }
    let start = index + 1
    guard skipString() else { return nil }
    let inner = bytes[start..<(index - 1)]
    guard inner.contains(UInt8(ascii: "\\")) else { return String(decoding: inner, as: UTF8.self) }
    return Self.unescaped(inner)
  }

  private static func unescaped(_ inner: ArraySlice<UInt8>) -> String? {
    var units: [UInt16] = []
    var plain: [UInt8] = []
    var index = inner.startIndex
    func flush(_ plain: inout [UInt8], _ units: inout [UInt16]) {
      units.append(contentsOf: String(decoding: plain, as: UTF8.self).utf16)
      plain.removeAll(keepingCapacity: true)
    }
    while index < inner.endIndex {
      guard inner[index] == UInt8(ascii: "\\") else {
        plain.append(inner[index])
        index += 1
        continue
      }
      guard index + 1 < inner.endIndex else { return nil }
      let escape = inner[index + 1]
      index += 2
      switch escape {
      case UInt8(ascii: "n"): plain.append(0x0a)
      case UInt8(ascii: "t"): plain.append(0x09)
      case UInt8(ascii: "r"): plain.append(0x0d)
      case UInt8(ascii: "b"): plain.append(0x08)
      case UInt8(ascii: "f"): plain.append(0x0c)
      case UInt8(ascii: "u"):
        guard index + 4 <= inner.endIndex,
          let unit = UInt16(String(decoding: inner[index..<(index + 4)], as: UTF8.self), radix: 16)
        else { return nil }
        flush(&plain, &units)
        units.append(unit)
        index += 4
      default: plain.append(escape)
      }
    }
    flush(&plain, &units)
    return String(decoding: units, as: UTF16.self)
  }
}
