/// Whole frames for senders, appended to bytes that a write takes. A server passes no mask; a client passes
/// `.random(using: &generator)` each time. A sender's own mistakes (a ping of 126 bytes) are traps, not errors.
package enum WebSocketFrame {
  /// Bytes of a server's frame header before a payload of this length: 2, 4 or 10.
  package static func headerLength(payloadLength: Int) -> Int {
    payloadLength < 126 ? 2 : payloadLength < 65_536 ? 4 : 10
  }

  /// Appends a server's frame header; the caller appends exactly `payloadLength` bytes after it.
  /// - Parameter rsv1: the payload is compressed (RFC 7692 section 6).
  package static func appendHeader(
    opcode: Opcode, rsv1: Bool = false, payloadLength: Int, to output: inout some RangeReplaceableCollection<UInt8>
  ) {
    let header = FrameHeader(reservedBits: rsv1 ? 4 : 0, opcode: opcode, payloadLength: payloadLength)
    withUnsafeTemporaryAllocation(byteCount: FrameHeader.maxLength, alignment: 8) { buffer in
      let size = header.write(into: buffer)
      output.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<size]))
    }
  }

  package static func text(
    _ payload: UnsafeRawBufferPointer, rsv1: Bool = false, mask: MaskingKey? = nil, to output: inout [UInt8]
  ) {
    append(
      FrameHeader(reservedBits: rsv1 ? 4 : 0, opcode: .text, payloadLength: payload.count, mask: mask), payload,
      to: &output)
  }

  package static func text(_ payload: String, mask: MaskingKey? = nil, to output: inout [UInt8]) {
    var payload = payload
    payload.withUTF8 { text(UnsafeRawBufferPointer($0), mask: mask, to: &output) }
  }

  package static func binary(
    _ payload: UnsafeRawBufferPointer, rsv1: Bool = false, mask: MaskingKey? = nil, to output: inout [UInt8]
  ) {
    append(
      FrameHeader(reservedBits: rsv1 ? 4 : 0, opcode: .binary, payloadLength: payload.count, mask: mask), payload,
      to: &output)
  }

  package static func binary(_ payload: [UInt8], mask: MaskingKey? = nil, to output: inout [UInt8]) {
    payload.withUnsafeBytes { binary($0, mask: mask, to: &output) }
  }

  /// - Parameter payload: at most 125 bytes.
  package static func ping(_ payload: [UInt8] = [], mask: MaskingKey? = nil, to output: inout [UInt8]) {
    control(.ping, payload, mask: mask, to: &output)
  }

  /// - Parameter payload: the ping's, at most 125 bytes.
  package static func pong(_ payload: [UInt8] = [], mask: MaskingKey? = nil, to output: inout [UInt8]) {
    control(.pong, payload, mask: mask, to: &output)
  }

  /// - Parameters:
  ///   - code: nil for an empty close frame, which has no reason either.
  ///   - reason: cut to 123 bytes at a character boundary.
  package static func close(
    code: UInt16?, reason: String = "", mask: MaskingKey? = nil, to output: inout [UInt8]
  ) {
    guard let code else { return control(.close, [], mask: mask, to: &output) }
    precondition(CloseCode.isValidOnTheWire(code), "\(code) may not be sent in a close frame")
    let payload = [UInt8(code >> 8), UInt8(code & 0xFF)] + CloseCode.reasonBytes(reason)
    control(.close, payload, mask: mask, to: &output)
  }

  private static func control(_ opcode: Opcode, _ payload: [UInt8], mask: MaskingKey?, to output: inout [UInt8]) {
    precondition(payload.count <= 125, "a control frame carries at most 125 bytes (RFC 6455 section 5.5)")
    payload.withUnsafeBytes {
      append(FrameHeader(opcode: opcode, payloadLength: payload.count, mask: mask), $0, to: &output)
    }
  }

  /// Appends any frame, fragments too. `header.payloadLength` is `payload.count`.
  package static func append(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer, to output: inout [UInt8]) {
    precondition(header.payloadLength == payload.count, "the header announces another length than the payload has")
    withUnsafeTemporaryAllocation(byteCount: FrameHeader.maxLength, alignment: 8) { buffer in
      let size = header.write(into: buffer)
      output.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<size]))
    }
    if let mask = header.mask {
      mask.append(payload, to: &output)
    } else {
      output.append(contentsOf: payload)
    }
  }
}
