/// Base64 with padding (RFC 4648 section 4), in which a body that is neither JSON nor text travels.
package enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  package static func encode(_ bytes: [UInt8]) -> [UInt8] {
    encode(bytes, around: nil)
  }

  /// As a JSON string with its quotes, in one allocation.
  package static func quoted(_ bytes: [UInt8]) -> [UInt8] {
    encode(bytes, around: UInt8(ascii: "\""))
  }

  private static func encode(_ bytes: [UInt8], around quote: UInt8?) -> [UInt8] {
    let count = (bytes.count + 2) / 3 * 4 + (quote == nil ? 0 : 2)
    let alphabet = alphabet
    return [UInt8](unsafeUninitializedCapacity: count) { output, written in
      var index = 0
      func put(_ byte: UInt8) {
        output[index] = byte
        index += 1
      }
      func putDigit(_ bits: UInt32) { put(alphabet[Int(bits & 63)]) }
      if let quote { put(quote) }
      var next = 0
      while next + 3 <= bytes.count {
        let bits = UInt32(bytes[next]) << 16 | UInt32(bytes[next + 1]) << 8 | UInt32(bytes[next + 2])
        putDigit(bits >> 18)
        putDigit(bits >> 12)
        putDigit(bits >> 6)
        putDigit(bits)
        next += 3
      }
      if bytes.count - next > 0 {
        let hasTwo = bytes.count - next == 2
        let bits = UInt32(bytes[next]) << 16 | (hasTwo ? UInt32(bytes[next + 1]) << 8 : 0)
        putDigit(bits >> 18)
        putDigit(bits >> 12)
        if hasTwo { putDigit(bits >> 6) } else { put(UInt8(ascii: "=")) }
        put(UInt8(ascii: "="))
      }
      if let quote { put(quote) }
      written = index
    }
  }
}
