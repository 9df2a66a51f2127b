package import StreamLog

/// Strings and numbers as JSON text, and back.
package enum JSONText {
  // MARK: - Writing

  /// Appends `string` in quotes, with the escapes of RFC 8259 section 7 that are required and no others.
  package static func append(_ string: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      if let escape = shortEscape(byte) {
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(escape)
      } else if byte < 0x20 {
        bytes.append(contentsOf: "\\u00".utf8)
        bytes.append(hexDigits[Int(byte >> 4)])
        bytes.append(hexDigits[Int(byte & 15)])
      } else {
        bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  package static func append(_ number: UInt64, to bytes: inout [UInt8]) {
    let start = bytes.count
    let count = digitCount(number)
    bytes.append(contentsOf: repeatElement(0, count: count))
    var rest = number
    for index in stride(from: start + count - 1, through: start, by: -1) {
      bytes[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
  }

  package static func append(_ number: Int64, to bytes: inout [UInt8]) {
    if number < 0 { bytes.append(UInt8(ascii: "-")) }
    append(number.magnitude, to: &bytes)
  }

  /// An id, without quotes: none of its bytes needs an escape.
  package static func append(_ position: Position, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: position.epoch.string.utf8)
    bytes.append(UInt8(ascii: "-"))
    append(position.offset, to: &bytes)
  }

  /// UTF-8 bytes as a JSON string with its quotes, in one allocation.
  ///
  /// - Precondition: `utf8` is well formed.
  package static func quoted(utf8: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    let count = escapedCount(utf8) + 2
    return [UInt8](unsafeUninitializedCapacity: count) { output, written in
      output[0] = UInt8(ascii: "\"")
      written = 1 + writeEscaped(utf8, to: UnsafeMutableBufferPointer(rebasing: output[1...]))
      output[written] = UInt8(ascii: "\"")
      written += 1
    }
  }

  /// How many bytes `utf8` has once escaped, without quotes.
  static func escapedCount(_ utf8: UnsafeBufferPointer<UInt8>) -> Int {
    var count = utf8.count
    for byte in utf8 {
      if shortEscape(byte) != nil { count += 1 } else if byte < 0x20 { count += 5 }
    }
    return count
  }

  /// - Returns: how many bytes it wrote: `escapedCount` of the same bytes.
  static func writeEscaped(_ utf8: UnsafeBufferPointer<UInt8>, to output: UnsafeMutableBufferPointer<UInt8>) -> Int {
    var index = 0
    func put(_ byte: UInt8) {
      output[index] = byte
      index += 1
    }
    for byte in utf8 {
      if let escape = shortEscape(byte) {
        put(UInt8(ascii: "\\"))
        put(escape)
      } else if byte < 0x20 {
        put(UInt8(ascii: "\\"))
        put(UInt8(ascii: "u"))
        put(UInt8(ascii: "0"))
        put(UInt8(ascii: "0"))
        put(hexDigits[Int(byte >> 4)])
        put(hexDigits[Int(byte & 15)])
      } else {
        put(byte)
      }
    }
    return index
  }

  /// How many decimal digits `number` has.
  static func digitCount(_ number: UInt64) -> Int {
    var count = 1
    var bound = number
    while bound >= 10 {
      bound /= 10
      count += 1
    }
    return count
  }

  // MARK: - Reading

  /// What the string token in `range` says, its quotes included in the range.
  ///
  /// - Precondition: a `JSONScanner` found the token.
  /// - Returns: nil if it escapes half a surrogate pair, which is no text.
  static func string(in bytes: [UInt8], _ range: Range<Int>) -> String? {
    let inner = bytes[range.lowerBound + 1..<range.upperBound - 1]
    guard inner.contains(UInt8(ascii: "\\")) else { return String(decoding: inner, as: UTF8.self) }
    var utf8: [UInt8] = []
    utf8.reserveCapacity(inner.count)
    var index = inner.startIndex
    while index < inner.endIndex {
      guard inner[index] == UInt8(ascii: "\\") else {
        utf8.append(inner[index])
        index += 1
        continue
      }
      let letter = inner[index + 1]
      guard letter == UInt8(ascii: "u") else {
        utf8.append(unescaped(letter))
        index += 2
        continue
      }
      var units = [codeUnit(inner, at: index + 2)]
      index += 6
      if UTF16.isLeadSurrogate(units[0]), index + 6 <= inner.endIndex,
        inner[index] == UInt8(ascii: "\\"), inner[index + 1] == UInt8(ascii: "u")
      {
        units.append(codeUnit(inner, at: index + 2))
        index += 6
      }
      guard let character = String(validating: units, as: UTF16.self) else { return nil }
      utf8.append(contentsOf: character.utf8)
    }
    return String(decoding: utf8, as: UTF8.self)
  }

  private static func codeUnit(_ bytes: ArraySlice<UInt8>, at index: Int) -> UInt16 {
    (index..<index + 4).reduce(0) { $0 << 4 | (JSON.hexDigit(bytes[$1]) ?? 0) }
  }

  private static func unescaped(_ letter: UInt8) -> UInt8 {
    switch letter {
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "f"): 0x0c
    case UInt8(ascii: "n"): 0x0a
    case UInt8(ascii: "r"): 0x0d
    case UInt8(ascii: "t"): 0x09
    default: letter
    }
  }

  private static func shortEscape(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): byte
    case 0x08: UInt8(ascii: "b")
    case 0x09: UInt8(ascii: "t")
    case 0x0a: UInt8(ascii: "n")
    case 0x0c: UInt8(ascii: "f")
    case 0x0d: UInt8(ascii: "r")
    default: nil
    }
  }

  private static let hexDigits = Array("0123456789abcdef".utf8)
}
