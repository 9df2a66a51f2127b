/// The well-formed byte sequences of UTF-8 (RFC 3629 section 4): no overlong forms, no surrogates, nothing above
/// U+10FFFF.
package enum UTF8Sequence {
  /// - Returns: the length of the character at `index`, or nil if no well-formed one stands there.
  static func length(in bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> Int? {
    func continues(_ offset: Int, _ range: ClosedRange<UInt8> = 0x80...0xbf) -> Bool {
      index + offset < bytes.count && range.contains(bytes[index + offset])
    }
    switch bytes[index] {
    case 0..<0x80: return 1
    case 0xc2...0xdf: return continues(1) ? 2 : nil
    case 0xe0: return continues(1, 0xa0...0xbf) && continues(2) ? 3 : nil
    case 0xed: return continues(1, 0x80...0x9f) && continues(2) ? 3 : nil
    case 0xe1...0xef: return continues(1) && continues(2) ? 3 : nil
    case 0xf0: return continues(1, 0x90...0xbf) && continues(2) && continues(3) ? 4 : nil
    case 0xf1...0xf3: return continues(1) && continues(2) && continues(3) ? 4 : nil
    case 0xf4: return continues(1, 0x80...0x8f) && continues(2) && continues(3) ? 4 : nil
    default: return nil
    }
  }

  /// - Returns: the index of the first byte of what is not UTF-8, or nil if all of it is.
  package static func firstFault(in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    var index = 0
    while index < bytes.count {
      while index + 8 <= bytes.count, isASCII(eightBytesAt: index, of: bytes) { index += 8 }
      guard index < bytes.count else { break }
      guard let length = length(in: bytes, at: index) else { return index }
      index += length
    }
    return nil
  }

  private static func isASCII(eightBytesAt index: Int, of bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    let word = UnsafeRawPointer(bytes.baseAddress!).loadUnaligned(fromByteOffset: index, as: UInt64.self)
    return word & 0x8080_8080_8080_8080 == 0
  }
}
