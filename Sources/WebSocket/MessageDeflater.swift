import CZlib

/// Compresses whole messages for permessage-deflate (RFC 7692 section 7.2.1), each by itself: without context
/// takeover a compressed message can be shared by all who read it. One serves an event loop; it owns about 256 KiB.
package final class MessageDeflater {
  /// Every flush ends so; the receiver puts it back.
  static let tail: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]
  /// zlib counts input in 32 bits.
  static let maxInput = 1 << 30
  private static let scratchBytes = 16_384

  /// zlib keeps a pointer back to its stream, so the stream has an address of its own.
  private let stream: UnsafeMutablePointer<z_stream>
  private let scratch: UnsafeMutablePointer<UInt8>

  /// - Parameter level: 1 (fast) to 9 (small); -1 is zlib's default, 6.
  package init(level: Int = -1) {
    precondition(level == -1 || (1...9).contains(level), "a compression level is 1 to 9, or -1 for the default")
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    scratch = .allocate(capacity: Self.scratchBytes)
    let status = sluice_deflateInit2(stream, Int32(level), -15, 8)
    precondition(status == Z_OK, "zlib could not make a compressor (\(status)): out of memory")
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
    scratch.deallocate()
  }

  /// Appends the payload of a frame with RSV1 that carries `bytes`. An empty message is one byte.
  package func compress(_ bytes: UnsafeRawBufferPointer, appendTo output: inout [UInt8]) {
    deflateReset(stream)
    var rest = bytes
    repeat {
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.maxInput))
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
      stream.pointee.next_in = UnsafeMutablePointer(mutating: piece.assumingMemoryBound(to: UInt8.self).baseAddress)
      stream.pointee.avail_in = UInt32(piece.count)
      repeat {
        stream.pointee.next_out = scratch
        stream.pointee.avail_out = UInt32(Self.scratchBytes)
        deflate(stream, rest.isEmpty ? Z_SYNC_FLUSH : Z_NO_FLUSH)
        let produced = Self.scratchBytes - Int(stream.pointee.avail_out)
        output.append(contentsOf: UnsafeBufferPointer(start: scratch, count: produced))
      } while stream.pointee.avail_out == 0
    } while !rest.isEmpty
    stream.pointee.next_in = nil
    output.removeLast(Self.tail.count)
  }
}
