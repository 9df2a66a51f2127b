/// The head of a frame, 2 to 14 bytes (RFC 6455 section 5.2).
package struct FrameHeader: Equatable, Sendable {
  /// Two bytes, a length of 8, a masking key of 4.
  package static let maxLength = 14

  /// The last frame of its message.
  package var fin: Bool
  /// RSV1 is 4, RSV2 is 2, RSV3 is 1. Whether they may be set is for the connection to judge.
  package var reservedBits: UInt8
  package var opcode: Opcode
  /// Bytes of payload that follow.
  package var payloadLength: Int
  package var mask: MaskingKey?

  package init(fin: Bool = true, reservedBits: UInt8 = 0, opcode: Opcode, payloadLength: Int, mask: MaskingKey? = nil) {
    self.fin = fin
    self.reservedBits = reservedBits
    self.opcode = opcode
    self.payloadLength = payloadLength
    self.mask = mask
  }

  /// Reads the header at the start of `bytes`; nil if it is not all there yet. Nothing is judged before it is, so
  /// that the same bytes break the same rule however they were split.
  /// - Throws: `reservedOpcode`, `lengthTopBitSet`, `lengthNotMinimal`, `fragmentedControlFrame`,
  ///   `controlFrameTooLong`.
  package static func decode(
    _ bytes: UnsafeRawBufferPointer
  ) throws(WebSocketError) -> (header: FrameHeader, length: Int)? {
    guard bytes.count >= 2 else { return nil }
    let first = bytes[0]
    let second = bytes[1]
    let masked = second & 0x80 != 0
    let lengthBytes = second & 0x7F == 127 ? 8 : second & 0x7F == 126 ? 2 : 0
    let size = 2 + lengthBytes + (masked ? 4 : 0)
    guard bytes.count >= size else { return nil }

    guard let opcode = Opcode(rawValue: first & 0x0F) else { throw .reservedOpcode(first & 0x0F) }
    let length = try payloadLength(bytes, lengthBytes)
    let fin = first & 0x80 != 0
    if opcode.isControl {
      if !fin { throw .fragmentedControlFrame(opcode) }
      if length > 125 { throw .controlFrameTooLong(length, limit: 125) }
    }
    var mask: MaskingKey?
    if masked {
      let wire = bytes.loadUnaligned(fromByteOffset: size - 4, as: UInt32.self)
      mask = MaskingKey(wire: UInt32(bigEndian: wire))
    }
    let header = FrameHeader(
      fin: fin, reservedBits: first >> 4 & 0x7, opcode: opcode, payloadLength: length, mask: mask)
    return (header, size)
  }

  private static func payloadLength(
    _ bytes: UnsafeRawBufferPointer, _ lengthBytes: Int
  ) throws(WebSocketError) -> Int {
    switch lengthBytes {
    case 0:
      return Int(bytes[1] & 0x7F)
    case 2:
      let length = Int(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
      if length < 126 { throw .lengthNotMinimal(length, bytes: 2) }
      return length
    default:
      let length = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
      guard let length = Int(exactly: length) else { throw .lengthTopBitSet(length) }
      if length < 65_536 { throw .lengthNotMinimal(length, bytes: 8) }
      return length
    }
  }

  /// Bytes that `write` needs.
  package var encodedLength: Int {
    (payloadLength < 126 ? 2 : payloadLength < 65_536 ? 4 : 10) + (mask == nil ? 0 : 4)
  }

  /// Writes the header to the start of `target`, which has room for `encodedLength` bytes, and returns that.
  @discardableResult
  package func write(into target: UnsafeMutableRawBufferPointer) -> Int {
    let flags = (fin ? 0x80 : 0) | (reservedBits & 0x7) << 4
    let maskBit: UInt8 = mask == nil ? 0 : 0x80
    target[0] = flags | opcode.rawValue
    var size = 2
    switch payloadLength {
    case ..<126:
      target[1] = maskBit | UInt8(payloadLength)
    case ..<65_536:
      target[1] = maskBit | 126
      target.storeBytes(of: UInt16(payloadLength).bigEndian, toByteOffset: 2, as: UInt16.self)
      size = 4
    default:
      target[1] = maskBit | 127
      target.storeBytes(of: UInt64(payloadLength).bigEndian, toByteOffset: 2, as: UInt64.self)
      size = 10
    }
    if let mask {
      target.storeBytes(of: mask.wire.bigEndian, toByteOffset: size, as: UInt32.self)
      size += 4
    }
    return size
  }
}
