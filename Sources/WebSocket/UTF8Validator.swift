/// Checks UTF-8 (RFC 3629) as it arrives, in pieces of any size: refuses overlong forms, surrogates and what lies
/// beyond U+10FFFF at the first byte that no valid text could have there (RFC 6455 section 8.1 asks for no less).
struct UTF8Validator {
  /// Continuation bytes that the character under way still needs.
  private var missing = 0
  /// The range of the next continuation byte; narrower than 80–BF only for the second byte of some characters.
  private var lower: UInt8 = 0x80
  private var upper: UInt8 = 0xBF

  /// True between characters. At the end of a message anything else is a truncated character.
  var isComplete: Bool { missing == 0 }

  /// The offset in `bytes` of the first byte that cannot be; nil if all can. Not to be called again after a refusal.
  mutating func firstInvalid(in bytes: UnsafeRawBufferPointer) -> Int? {
    var index = 0
    let count = bytes.count
    while index < count {
      if missing == 0 {
        while index &+ 8 <= count,
          bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
        {
          index &+= 8
        }
        if index == count { return nil }
        let byte = bytes[index]
        if byte >= 0x80, !begin(byte) { return index }
      } else {
        let byte = bytes[index]
        guard byte >= lower, byte <= upper else { return index }
        missing &-= 1
        lower = 0x80
        upper = 0xBF
      }
      index &+= 1
    }
    return nil
  }

  /// Takes the first byte of a character of several; false if there is none that begins so (RFC 3629 section 4).
  private mutating func begin(_ byte: UInt8) -> Bool {
    switch byte {
    case 0xC2...0xDF: missing = 1
    case 0xE0...0xEF:
      missing = 2
      if byte == 0xE0 { lower = 0xA0 }
      if byte == 0xED { upper = 0x9F }
    case 0xF0...0xF4:
      missing = 3
      if byte == 0xF0 { lower = 0x90 }
      if byte == 0xF4 { upper = 0x8F }
    default: return false
    }
    return true
  }
}
