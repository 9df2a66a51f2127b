package import NIOCore

/// HTTP/1.1 requests (RFC 9112), bytes in, events out; no I/O, no time.
///
/// Stricter than NIO's decoder, which takes a missing or doubled Host, Transfer-Encoding on HTTP/1.0 and long targets,
/// cannot tell a long request line from long header fields, and decodes pipelined requests before they are wanted.
/// Here nothing is decoded until `next` asks, so requests pipelined behind an open one simply stay bytes.
///
/// After a thrown error the parser must not be used again.
package struct RequestParser {
  /// In bytes, but for `headerCount`.
  package struct Limits: Equatable, Sendable {
    package var requestLine = 8192
    /// All header fields together; also all trailer fields together.
    package var headerBytes = 16384
    package var headerCount = 100
    /// The extensions of one chunk.
    package var chunkExtension = 256

    package init() {}
  }

  package enum Event: Equatable, Sendable {
    /// Followed by `body` and `end`, unless its framing is `.none`.
    case head(RequestHead)
    /// Some of the body, in order; never empty.
    case body(ByteBuffer)
    case end
  }

  private let limits: Limits
  private var buffer = ByteBuffer()
  private var scanner = HeadScanner()
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
  package mutating func next() throws(RequestSyntaxError) -> Event? {
    if body == nil { return try nextHead() }
    guard let event = try body!.next(&buffer, limits: limits) else { return nil }
    if event == .end {
      body = nil
      releaseIfEmpty()
    }
    return event
  }

  /// Hands over what is buffered behind the last request, for a connection that stops speaking HTTP.
  package mutating func takeRest() -> ByteBuffer {
    defer { buffer = ByteBuffer() }
    return buffer
  }

  private mutating func nextHead() throws(RequestSyntaxError) -> Event? {
    // RFC 9112 section 2.2: at least one empty line before a request line is to be ignored.
    if !skippedEmptyLine, let first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self), first == 0x0D {
      guard let second = buffer.getInteger(at: buffer.readerIndex + 1, as: UInt8.self) else { return nil }
      guard second == 0x0A else { throw .bareLineEnd }
      buffer.moveReaderIndex(forwardBy: 2)
      skippedEmptyLine = true
    }
    let limits = limits
    var scanner = scanner
    let head = try buffer.parsing { (bytes) throws(RequestSyntaxError) -> (RequestHead, Int)? in
      guard let length = try scanner.scan(bytes, limits: limits) else { return nil }
      let head = try HeadGrammar.parse(
        UnsafeRawBufferPointer(rebasing: bytes[..<length]), headerCount: limits.headerCount)
      return (head, length)
    }
    guard let (head, length) = head else {
      self.scanner = scanner
      return nil
    }
    buffer.moveReaderIndex(forwardBy: length)
    self.scanner = HeadScanner()
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

extension ByteBuffer {
  /// `withUnsafeReadableBytes` with a typed error.
  func parsing<T>(
    _ body: (UnsafeRawBufferPointer) throws(RequestSyntaxError) -> T
  ) throws(RequestSyntaxError) -> T {
    let result = withUnsafeReadableBytes { bytes -> Result<T, RequestSyntaxError> in
      do throws(RequestSyntaxError) {
        return .success(try body(bytes))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
