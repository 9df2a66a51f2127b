/// Classes of ASCII bytes in HTTP's grammar.
package enum ASCII {
  /// SP and HTAB, which RFC 9110 section 5.6.3 allows around values.
  @inlinable package static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  @inlinable package static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  /// - Returns: the digit's value, or `nil` if the byte is not a hexadecimal digit.
  @inlinable package static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  @inlinable package static func lowercased(_ byte: UInt8) -> UInt8 {
    (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
  }

  /// The value of a decimal number.
  ///
  /// - Precondition: `digits` has decimal digits only, 18 at most, so that the value fits into `Int`.
  package static func decimal(_ digits: ArraySlice<UInt8>) -> Int {
    digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
  }
}

extension ArraySlice<UInt8> {
  /// The slice without spaces and tabs at both ends.
  package var trimmingBlanks: ArraySlice<UInt8> {
    let start = drop(while: ASCII.isBlank)
    return start.lastIndex { !ASCII.isBlank($0) }.map { start[...$0] } ?? []
  }
}

/// Compares without regard to the case of ASCII letters.
@inlinable package func equalIgnoringCase(_ a: ArraySlice<UInt8>, _ b: StaticString) -> Bool {
  guard a.count == b.utf8CodeUnitCount else { return false }
  return a.withUnsafeBufferPointer { equalIgnoringCase($0, UnsafeBufferPointer(start: b.utf8Start, count: a.count)) }
}

/// Compares without regard to the case of ASCII letters.
package func equalIgnoringCase(_ a: some StringProtocol, _ b: some StringProtocol) -> Bool {
  guard a.utf8.count == b.utf8.count else { return false }
  return zip(a.utf8, b.utf8).allSatisfy { $0 == $1 || ASCII.lowercased($0) == ASCII.lowercased($1) }
}

/// - Precondition: both have the same count.
@usableFromInline func equalIgnoringCase(
  _ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>
) -> Bool {
  for index in 0..<a.count where a[index] != b[index] && ASCII.lowercased(a[index]) != ASCII.lowercased(b[index]) {
    return false
  }
  return true
}
