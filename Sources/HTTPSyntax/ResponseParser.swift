package import NIOCore

/// Parses one HTTP/1.1 response (RFC 9112 sections 4 to 7): bytes in, events out; no I/O, no time.
///
/// Call `next` after each `receive`, and after `receiveEnd`, until it returns `nil`. Informational responses are skipped,
/// except 101: what follows its head belongs to another protocol, and `takeRest` returns it. After a thrown error the
/// parser must not be used again.
package struct ResponseParser: Sendable {
  package enum Event: Equatable, Sendable {
    case head(ResponseHead)
    /// The next bytes of the body; never empty.
    case body(ByteBuffer)
    case end
  }

  private enum State {
    case head
    case body(BodyDecoder)
    /// The head was the whole response.
    case headOnly
    case complete
  }

  private let isHeadRequest: Bool
  private let limits: HTTPLimits
  private var buffer = ByteBuffer()
  private var scanner = HeadScanner(.response)
  private var state = State.head
  private var inputHasEnded = false

  /// - Parameter method: of the request.
  package init(to method: HTTPMethod, limits: HTTPLimits = .response) {
    isHeadRequest = method == .HEAD
    self.limits = limits
  }

  /// The number of bytes that were received and not yet returned.
  package var bufferedBytes: Int { buffer.readableBytes }

  package mutating func receive(_ bytes: ByteBuffer) {
    if buffer.readableBytes == 0 {
      buffer = bytes
    } else {
      if buffer.readerIndex > 4096 { buffer.discardReadBytes() }
      buffer.writeImmutableBuffer(bytes)
    }
  }

  /// The server has closed its side of the connection.
  package mutating func receiveEnd() { inputHasEnded = true }

  /// - Returns: `nil` if more bytes are needed, or the response is complete.
  package mutating func next() throws(HTTPSyntaxError) -> Event? {
    switch state {
    case .head:
      guard let head = try nextHead() else { return try needsMore() }
      state = BodyDecoder(head.framing).map { .body($0) } ?? .headOnly
      return .head(head)
    case .headOnly:
      state = .complete
      return .end
    case .body(var decoder):
      let event = try decoder.next(&buffer, limits: limits)
      state = .body(decoder)
      switch event {
      case .bytes(let bytes): return .body(bytes)
      case nil where !(decoder.isUntilEnd && inputHasEnded): return try needsMore()
      case .end, nil:
        state = .complete
        return .end
      }
    case .complete:
      return nil
    }
  }

  /// Returns the bytes that were received behind the response.
  package mutating func takeRest() -> ByteBuffer {
    defer { buffer = ByteBuffer() }
    return buffer
  }

  private func needsMore() throws(HTTPSyntaxError) -> Event? {
    guard !inputHasEnded else { throw .unexpectedEnd }
    return nil
  }

  private mutating func nextHead() throws(HTTPSyntaxError) -> ResponseHead? {
    while let head = try parseHead() {
      if head.status >= 200 || head.status == 101 { return head }
    }
    return nil
  }

  private mutating func parseHead() throws(HTTPSyntaxError) -> ResponseHead? {
    let (limits, isHeadRequest) = (limits, isHeadRequest)
    var scanner = scanner
    let parsed = buffer.withUnsafeReadableBytes { bytes in
      Result { () throws(HTTPSyntaxError) -> (ResponseHead, Int)? in
        // A peer that does not speak HTTP may never send a line end: judge by its first bytes.
        let prefix = "HTTP/1.".utf8
        guard bytes.starts(with: prefix.prefix(bytes.count)) else { throw .malformedVersion }
        guard let length = try scanner.scan(bytes, limits: limits) else { return nil }
        let head = UnsafeRawBufferPointer(rebasing: bytes[..<length])
        return (try Self.head(head, limits, isHeadRequest), length)
      }
    }
    guard let (head, length) = try parsed.get() else {
      self.scanner = scanner
      return nil
    }
    buffer.moveReaderIndex(forwardBy: length)
    self.scanner = HeadScanner(.response)
    return head
  }

  private static func head(
    _ bytes: UnsafeRawBufferPointer, _ limits: HTTPLimits, _ isHeadRequest: Bool
  ) throws(HTTPSyntaxError) -> ResponseHead {
    let lineEnd = HTTPGrammar.lineEnd(bytes, from: 0)
    let (version, status) = try statusLine(bytes, lineEnd)
    var headers = HTTPHeaders()
    try HTTPGrammar.fields(bytes, after: lineEnd, limit: limits.headerCount) { field in
      headers.add(
        name: String(decoding: bytes[field.name], as: UTF8.self),
        value: String(decoding: bytes[field.value], as: UTF8.self))
    }
    return try ResponseHead(status: status, version: version, headers: headers, isHeadRequest: isHeadRequest)
  }

  /// Parses `HTTP/1.1 200 OK`. The reason may be missing, and with it the space before it, which many servers leave out.
  private static func statusLine(
    _ bytes: UnsafeRawBufferPointer, _ end: Int
  ) throws(HTTPSyntaxError) -> (HTTPVersion, Int) {
    guard end >= 12, bytes[8] == 0x20, bytes[9..<12].allSatisfy(ASCII.isDigit), bytes[9] != UInt8(ascii: "0"),
      end == 12 || bytes[12] == 0x20
    else { throw .malformedStatusLine }
    let status = ASCII.decimal(Array(bytes[9..<12])[...])
    return (try HTTPGrammar.version(bytes, 0..<8), status)
  }
}
