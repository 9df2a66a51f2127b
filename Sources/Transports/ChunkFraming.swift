import HTTPServer
import NIOCore

/// Puts what an encoding writes into the outlet's framing: one HTTP/1.1 chunk each (RFC 9112 section 7.1), or nothing
/// around it.
struct ChunkFraming {
  private let framing: OutletFraming
  private var scratch = ByteBuffer()

  init(_ framing: OutletFraming) { self.framing = framing }

  @inline(__always)
  mutating func append(to buffer: inout ByteBuffer, _ body: (inout ByteBuffer) -> Void) {
    guard framing == .chunked else { return body(&buffer) }
    scratch.clear(minimumCapacity: 512)
    body(&scratch)
    let count = scratch.readableBytes
    guard count > 0 else { return }
    writeHex(count, to: &buffer)
    buffer.writeStaticString("\r\n")
    buffer.writeImmutableBuffer(scratch)
    buffer.writeStaticString("\r\n")
  }

  private func writeHex(_ value: Int, to buffer: inout ByteBuffer) {
    var shift = (Int.bitWidth - value.leadingZeroBitCount - 1) / 4 * 4
    while shift >= 0 {
      let digit = UInt8((value >> shift) & 15)
      buffer.writeInteger(digit < 10 ? 0x30 + digit : 0x57 + digit)
      shift -= 4
    }
  }
}
