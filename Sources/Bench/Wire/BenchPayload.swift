/// What the bench publishes: `{"t":"<16 hex digits>","n":"<8 hex digits>xxx…"}`, padded to exactly the size asked for.
/// `t` is the monotonic clock when it was sent, in nanoseconds, and `n` the number of its topic in the run.
package struct BenchPayload: Sendable, Equatable {
  package static let minimumBytes = "{'t':'0123456789abcdef','n':'01234567'}".utf8.count
  /// Offset of the stamp's digits, and of the topic number's.
  static let stampAt = 6
  static let topicAt = stampAt + 16 + "','n':'".utf8.count

  /// A payload without stamp and number; the sender writes them in place.
  package let template: [UInt8]

  /// - Parameter count: bytes, at least `minimumBytes`.
  package init(bytes count: Int) {
    precondition(count >= Self.minimumBytes)
    let padding = String(repeating: "x", count: count - Self.minimumBytes)
    template = Array("{\"t\":\"0000000000000000\",\"n\":\"00000000\(padding)\"}".utf8)
  }

  package var count: Int { template.count }

  /// Writes stamp and topic number into a copy of the template.
  package static func write(stamp: UInt64, topic: Int, to payload: UnsafeMutableRawBufferPointer) {
    writeHex(stamp, digits: 16, to: payload, at: stampAt)
    writeHex(UInt64(topic), digits: 8, to: payload, at: topicAt)
  }

  private static func writeHex(_ value: UInt64, digits: Int, to bytes: UnsafeMutableRawBufferPointer, at offset: Int) {
    var rest = value
    for place in stride(from: offset + digits - 1, through: offset, by: -1) {
      let digit = UInt8(truncatingIfNeeded: rest & 15)
      bytes[place] = digit < 10 ? 0x30 + digit : 0x57 + digit
      rest >>= 4
    }
  }

  /// Eight hexadecimal digits, lower case, at once. What are no digits gives some other number.
  @inline(__always)
  static func readHex8(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt64 {
    let digits = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    var value = digits & 0x0F0F_0F0F_0F0F_0F0F &+ (digits &>> 6 & 0x0101_0101_0101_0101) &* 9
    value = (value | value &>> 4) & 0x00FF_00FF_00FF_00FF
    value = (value | value &>> 8) & 0x0000_FFFF_0000_FFFF
    return (value | value &>> 16) & 0xFFFF_FFFF
  }
}
