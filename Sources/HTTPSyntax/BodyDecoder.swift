package import NIOCore

/// Where a message's body ends (RFC 9112 section 6.3).
package enum BodyFraming: Equatable, Sendable {
  case none
  /// In bytes; above 0.
  case length(Int)
  case chunked
  /// With the end of the stream (HTTP/2), or of the connection (responses).
  case untilEnd
}

/// Takes a body out of the bytes behind its head, up to its length, to its last chunk and trailer (RFC 9112 sections 6
/// and 7), or without an end. Trailer fields are checked and dropped.
package struct BodyDecoder: Sendable {
  package enum Event: Equatable, Sendable {
    /// The next bytes of the body; never empty.
    case bytes(ByteBuffer)
    case end
  }

  private enum State {
    case identity(left: Int)
    case untilEnd
    case chunkSize
    case chunk(left: Int)
    case chunkEnd
    case trailer(bytes: Int, count: Int)
    case done
  }

  private var state: State

  /// - Returns: `nil` if there is no body.
  package init?(_ framing: BodyFraming) {
    switch framing {
    case .none: return nil
    case .untilEnd: state = .untilEnd
    case .length(let length): state = .identity(left: length)
    case .chunked: state = .chunkSize
    }
  }

  /// The number of bytes still to come, or `nil` if the framing does not tell.
  package var bytesLeft: Int? { if case .identity(let left) = state { left } else { nil } }

  /// Whether the body ends with its connection.
  package var isUntilEnd: Bool { if case .untilEnd = state { true } else { false } }

  /// - Returns: `nil` if more bytes are needed.
  package mutating func next(
    _ buffer: inout ByteBuffer, limits: HTTPLimits
  ) throws(HTTPSyntaxError) -> Event? {
    while true {
      switch state {
      case .identity(0), .done:
        state = .done
        return .end
      case .identity(let left):
        guard let bytes = buffer.readSlice(upTo: left) else { return nil }
        state = .identity(left: left - bytes.readableBytes)
        return .bytes(bytes)
      case .untilEnd:
        return buffer.readSlice(upTo: .max).map { .bytes($0) }
      case .chunkSize:
        guard let size = try Self.readChunkSize(&buffer, limits: limits) else { return nil }
        state = size == 0 ? .trailer(bytes: 0, count: 0) : .chunk(left: size)
      case .chunk(0):
        state = .chunkEnd
      case .chunk(let left):
        guard let bytes = buffer.readSlice(upTo: left) else { return nil }
        state = .chunk(left: left - bytes.readableBytes)
        return .bytes(bytes)
      case .chunkEnd:
        // Refuse a wrong first byte at once, not when the second one arrives.
        guard let first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else { return nil }
        guard first == 0x0D else { throw .chunkEndMissing }
        guard let second = buffer.getInteger(at: buffer.readerIndex + 1, as: UInt8.self) else { return nil }
        guard second == 0x0A else { throw .chunkEndMissing }
        buffer.moveReaderIndex(forwardBy: 2)
        state = .chunkSize
      case .trailer(let bytes, let count):
        let read = try buffer.readingLine(
          limit: limits.headerBytes - bytes, tooLong: .headersTooLarge(limit: limits.headerBytes)
        ) { (line) throws(HTTPSyntaxError) -> Bool in
          if line.isEmpty { return true }
          guard count < limits.headerCount else { throw .tooManyHeaders(limit: limits.headerCount) }
          try HTTPGrammar.field(line.base, line.startIndex..<line.endIndex)
          return false
        }
        guard let (isLast, length) = read else { return nil }
        state = isLast ? .done : .trailer(bytes: bytes + length, count: count + 1)
      }
    }
  }

  /// Reads `1a2b` or `1a2b;name=value`. A sign, `0x`, a space or a 16th digit are errors: parsers disagree about them.
  private static func readChunkSize(
    _ buffer: inout ByteBuffer, limits: HTTPLimits
  ) throws(HTTPSyntaxError) -> Int? {
    // Refuse a first byte that is not a digit before its line is complete.
    if let first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self), ASCII.hexDigit(first) == nil {
      throw .chunkSizeInvalid
    }
    let read = try buffer.readingLine(
      limit: 15 + limits.chunkExtension, tooLong: .chunkLineTooLong(limit: limits.chunkExtension)
    ) { (line) throws(HTTPSyntaxError) -> Int in
      let digits = line.prefix { ASCII.hexDigit($0) != nil }
      guard (1...15).contains(digits.count) else { throw .chunkSizeInvalid }
      guard digits.count == line.count || line[digits.endIndex] == UInt8(ascii: ";") else { throw .chunkSizeInvalid }
      return digits.reduce(0) { $0 << 4 | Int(ASCII.hexDigit($1)!) }
    }
    return read?.0
  }
}

extension ByteBuffer {
  fileprivate mutating func readSlice(upTo length: Int) -> ByteBuffer? {
    readableBytes == 0 ? nil : readSlice(length: Swift.min(length, readableBytes))
  }

  /// Reads one line and moves behind it.
  ///
  /// - Parameter body: called with the line without its CR LF.
  /// - Returns: the result of `body` and the length of the line with its CR LF, or `nil` if the line is not complete.
  fileprivate mutating func readingLine<T>(
    limit: Int, tooLong: HTTPSyntaxError,
    _ body: (Slice<UnsafeRawBufferPointer>) throws(HTTPSyntaxError) -> T
  ) throws(HTTPSyntaxError) -> (T, Int)? {
    let result = withUnsafeReadableBytes { bytes in
      Result { () throws(HTTPSyntaxError) -> (T, Int)? in
        for (index, byte) in bytes.enumerated() {
          if byte == 0x0D {
            guard index + 1 < bytes.count else { return nil }
            guard bytes[index + 1] == 0x0A else { throw .bareLineEnd }
            return (try body(bytes[..<index]), index + 2)
          }
          guard byte != 0x0A else { throw .bareLineEnd }
          guard byte >= 0x20 && byte != 0x7F || byte == 0x09 else { throw .controlByte(byte) }
          guard index < limit else { throw tooLong }
        }
        return nil
      }
    }
    let line = try result.get()
    if let line { moveReaderIndex(forwardBy: line.1) }
    return line
  }
}
