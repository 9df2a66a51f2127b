/// Takes the chunked transfer coding off a body (RFC 9112 section 7.1). Chunk borders mean nothing to what is inside:
/// a proxy may have drawn new ones.
package struct ChunkReader {
  private enum State {
    /// In the hexadecimal size, or in the extension behind it.
    case size(UInt, isExtension: Bool)
    /// So many bytes of data are still to come.
    case data(Int)
    /// In the line end behind a chunk's data.
    case dataEnd
    /// Behind the last chunk.
    case trailer
  }

  private static let longestChunk: UInt = 1 << 40

  private var state = State.size(0, isExtension: false)

  package init() {}

  /// Whether the last chunk has come.
  package var isAtEnd: Bool { if case .trailer = state { true } else { false } }

  /// - Parameter body: gets the body's bytes, in as few pieces as they lie in.
  package mutating func feed(
    _ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws(StreamFault) -> Void
  ) throws(StreamFault) {
    var index = 0
    while index < bytes.count {
      switch state {
      case .size(let size, let isExtension):
        let byte = bytes[index]
        index += 1
        if byte == UInt8(ascii: "\n") {
          state = size == 0 ? .trailer : .data(Int(size))
        } else if byte == UInt8(ascii: ";") || isExtension {
          state = .size(size, isExtension: true)
        } else if byte != UInt8(ascii: "\r") {
          guard let digit = Self.digit(byte), size < Self.longestChunk else {
            throw .malformed("a chunk's size is no hexadecimal number")
          }
          state = .size(size << 4 | digit, isExtension: false)
        }
      case .data(let left):
        let end = min(index &+ left, bytes.count)
        try body(UnsafeRawBufferPointer(rebasing: bytes[index..<end]))
        state = index &+ left == end ? .dataEnd : .data(left &- (end &- index))
        index = end
      case .dataEnd:
        if bytes[index] == UInt8(ascii: "\n") { state = .size(0, isExtension: false) }
        index += 1
      case .trailer:
        return
      }
    }
  }

  @inline(__always)
  private static func digit(_ byte: UInt8) -> UInt? {
    switch byte {
    case 0x30...0x39: UInt(byte &- 0x30)
    case 0x61...0x66: UInt(byte &- 0x57)
    case 0x41...0x46: UInt(byte &- 0x37)
    default: nil
    }
  }
}
