/// JSON texts as bytes: strict checks, and the same text without its whitespace.
package enum JSON {
  /// How deep arrays and objects may be nested unless told otherwise. A subscriber's parser has a limit too.
  package static let maxDepth = 64

  /// Whether `bytes` are one value by RFC 8259, in UTF-8.
  ///
  /// - Throws: the first rule they break.
  package static func validate(_ bytes: [UInt8], maxDepth: Int = JSON.maxDepth) throws(JSONError) {
    try bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) in
      _ = try validate(buffer, maxDepth: maxDepth)
    }
  }

  /// - Returns: how many bytes of whitespace stand between tokens.
  package static func validate(
    _ bytes: UnsafeBufferPointer<UInt8>, maxDepth: Int = JSON.maxDepth
  ) throws(JSONError) -> Int {
    var scanner = JSONScanner(bytes, maxDepth: maxDepth)
    try scanner.document()
    return scanner.blanks
  }

  /// The same text without whitespace between tokens. Nothing else changes: not a number's digits, not an escape,
  /// not the order of keys, not a key that stands twice. A text without whitespace is returned as it is.
  package static func minified(_ bytes: [UInt8], maxDepth: Int = JSON.maxDepth) throws(JSONError) -> [UInt8] {
    try bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) -> [UInt8]? in
      let blanks = try validate(buffer, maxDepth: maxDepth)
      return blanks == 0 ? nil : withoutBlanks(buffer, count: buffer.count - blanks)
    } ?? bytes
  }

  package static func minified(
    _ bytes: UnsafeBufferPointer<UInt8>, maxDepth: Int = JSON.maxDepth
  ) throws(JSONError) -> [UInt8] {
    let blanks = try validate(bytes, maxDepth: maxDepth)
    return blanks == 0 ? Array(bytes) : withoutBlanks(bytes, count: bytes.count - blanks)
  }

  /// - Precondition: `bytes` are valid and have `count` bytes beside the whitespace between tokens.
  private static func withoutBlanks(_ bytes: UnsafeBufferPointer<UInt8>, count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { output, written in
      var inString = false
      var escaped = false
      for byte in bytes {
        if inString {
          if escaped {
            escaped = false
          } else if byte == UInt8(ascii: "\\") {
            escaped = true
          } else if byte == UInt8(ascii: "\"") {
            inString = false
          }
        } else if isBlank(byte) {
          continue
        } else if byte == UInt8(ascii: "\"") {
          inString = true
        }
        output[written] = byte
        written += 1
      }
    }
  }

  static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09
  }

  static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  static func hexDigit(_ byte: UInt8) -> UInt16? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }
}
