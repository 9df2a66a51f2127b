import CZlib

/// Inflates whole messages of permessage-deflate (RFC 7692 section 7.2.2), each by itself. One serves all
/// connections of an event loop: they hold compressed bytes between reads, and no zlib state.
package final class MessageInflater {
  private static let scratchBytes = 32_768

  private let stream: UnsafeMutablePointer<z_stream>
  private let scratch: UnsafeMutablePointer<UInt8>

  package init() {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    scratch = .allocate(capacity: Self.scratchBytes)
    let status = sluice_inflateInit2(stream, -15)
    precondition(status == Z_OK, "zlib could not make a decompressor (\(status)): out of memory")
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    scratch.deallocate()
  }

  /// The message that `bytes`, a frame's or joined fragments' payload, carries. Work and memory end one buffer of
  /// 32 KiB beyond `limit`, whatever the bytes would grow to. No bytes at all are taken as an empty message: some
  /// senders flush nothing for it.
  /// - Throws: `messageTooLong` with the size at which it stopped, `invalidDeflate`.
  package func inflate(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(WebSocketError) -> [UInt8] {
    var output: [UInt8] = []
    if bytes.isEmpty { return output }
    inflateReset(stream)
    defer { stream.pointee.next_in = nil }
    var rest = bytes
    var isFinal = false
    while !rest.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(MessageDeflater.maxInput))
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
      if isFinal { inflateReset(stream) }
      isFinal = try feed(piece, to: &output, limit: limit)
    }
    // A sender may end a message with a final block (section 7.2.3.4); then the tail belongs to nothing.
    if isFinal { return output }
    isFinal = try MessageDeflater.tail.withUnsafeBufferPointer { (tail) throws(WebSocketError) in
      try feed(UnsafeRawBufferPointer(tail), to: &output, limit: limit)
    }
    // zlib's bit 7 says that it stands between two blocks: a truncated message has swallowed the tail as its data.
    guard !isFinal, stream.pointee.data_type & 128 != 0 else { throw .invalidDeflate }
    return output
  }

  /// Inflates `piece`; true if it ends with the end of a final block. What follows such a block begins anew.
  private func feed(
    _ piece: UnsafeRawBufferPointer, to output: inout [UInt8], limit: Int
  ) throws(WebSocketError) -> Bool {
    stream.pointee.next_in = UnsafeMutablePointer(mutating: piece.assumingMemoryBound(to: UInt8.self).baseAddress)
    stream.pointee.avail_in = UInt32(piece.count)
    while true {
      stream.pointee.next_out = scratch
      stream.pointee.avail_out = UInt32(Self.scratchBytes)
      let status = CZlib.inflate(stream, Z_SYNC_FLUSH)
      let produced = Self.scratchBytes - Int(stream.pointee.avail_out)
      if produced > limit - output.count { throw .messageTooLong(output.count + produced, limit: limit) }
      output.append(contentsOf: UnsafeBufferPointer(start: scratch, count: produced))
      switch status {
      case Z_STREAM_END:
        if stream.pointee.avail_in == 0 { return true }
        inflateReset(stream)
      case Z_OK:
        if stream.pointee.avail_in == 0, stream.pointee.avail_out != 0 { return false }
      case Z_BUF_ERROR:
        return false
      default:
        throw .invalidDeflate
      }
    }
  }
}
