package import HTTPSyntax
package import NIOCore

/// HTTP/1.1 requests (RFC 9112), bytes in, events out; no I/O, no time.
///
/// Stricter than NIO's decoder, which takes a missing or doubled Host, Transfer-Encoding on HTTP/1.0 and long targets,
/// cannot tell a long request line from long header fields, and decodes pipelined requests before they are wanted.
/// Here nothing is decoded until `next` asks, so requests pipelined behind an open one simply stay bytes.
///
/// After a thrown error the parser must not be used again.
package struct RequestParser {
  package typealias Limits = HTTPLimits

  package enum Event: Equatable, Sendable {
    /// Followed by `body` and `end`, unless its framing is `.none`.
    case head(RequestHead)
    /// Some of the body, in order; never empty.
    case body(ByteBuffer)
    case end
  }

  private let limits: Limits
  private var buffer = ByteBuffer()
  private var scanner = HeadScanner(.request)
  private var skippedEmptyLine = false
  private var body: BodyDecoder?

  package init(limits: Limits) { self.limits = limits }

  /// Bytes received and not yet given out.
  package var bufferedBytes: Int { buffer.readableBytes }

  /// Whether the next event belongs to a body.
  package var isInBody: Bool { body != nil }

  /// How many bytes of the body are still to be given out; nil when not in a body, or when only its chunks will tell.
  package var bodyBytesLeft: Int? { body?.bytesLeft }

  package mutating func receive(_ bytes: ByteBuffer) {
    if buffer.readableBytes == 0 {
      buffer = bytes
    } else {
      if buffer.readerIndex > 4096 { buffer.discardReadBytes() }
      buffer.writeImmutableBuffer(bytes)
    }
  }

  /// - Returns: nil if more bytes are needed.
  package mutating func next() throws(HTTPSyntaxError) -> Event? {
    if body == nil { return try nextHead() }
    switch try body!.next(&buffer, limits: limits) {
    case nil: return nil
    case .bytes(let bytes): return .body(bytes)
    case .end:
      body = nil
      releaseIfEmpty()
      return .end
    }
  }

  /// Hands over what is buffered behind the last request, for a connection that stops speaking HTTP.
  package mutating func takeRest() -> ByteBuffer {
    defer { buffer = ByteBuffer() }
    return buffer
  }

  private mutating func nextHead() throws(HTTPSyntaxError) -> Event? {
    // RFC 9112 section 2.2: at least one empty line before a request line is to be ignored.
    if !skippedEmptyLine, let first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self), first == 0x0D {
      guard let second = buffer.getInteger(at: buffer.readerIndex + 1, as: UInt8.self) else { return nil }
      guard second == 0x0A else { throw .bareLineEnd }
      buffer.moveReaderIndex(forwardBy: 2)
      skippedEmptyLine = true
    }
    let limits = limits
    var scanner = scanner
    let parsed = buffer.withUnsafeReadableBytes { bytes in
      Result { () throws(HTTPSyntaxError) -> (RequestHead, Int)? in
        guard let length = try scanner.scan(bytes, limits: limits) else { return nil }
        let head = try RequestGrammar.parse(
          UnsafeRawBufferPointer(rebasing: bytes[..<length]), headerCount: limits.headerCount)
        return (head, length)
      }
    }
    guard let (head, length) = try parsed.get() else {
      self.scanner = scanner
      return nil
    }
    buffer.moveReaderIndex(forwardBy: length)
    self.scanner = HeadScanner(.request)
    skippedEmptyLine = false
    body = BodyDecoder(head.framing)
    releaseIfEmpty()
    return .head(head)
  }

  /// An idle connection keeps no storage.
  private mutating func releaseIfEmpty() {
    if buffer.readableBytes == 0 { buffer = ByteBuffer() }
  }
}
