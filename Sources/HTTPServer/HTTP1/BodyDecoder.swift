import NIOCore

/// Where a body ends: after its length, or after its last chunk and trailer (RFC 9112 sections 6 and 7). Trailer
/// fields are checked and dropped.
struct BodyDecoder {
  private enum State {
    case identity(left: Int)
    case chunkSize
    case chunk(left: Int)
    case chunkEnd
    case trailer(bytes: Int, count: Int)
    case done
  }

  private var state: State

  /// - Returns: nil if there is no body.
  init?(_ framing: BodyFraming) {
    switch framing {
    case .none, .stream: return nil
    case .length(let length): state = .identity(left: length)
    case .chunked: state = .chunkSize
    }
  }

  var bytesLeft: Int? { if case .identity(let left) = state { left } else { nil } }

  /// - Returns: nil if more bytes are needed.
  mutating func next(
    _ buffer: inout ByteBuffer, limits: RequestParser.Limits
  ) throws(RequestSyntaxError) -> RequestParser.Event? {
    while true {
      switch state {
      case .identity(0), .done:
        state = .done
        return .end
      case .identity(let left):
        guard let bytes = buffer.readSlice(upTo: left) else { return nil }
        state = .identity(left: left - bytes.readableBytes)
        return .body(bytes)
      case .chunkSize:
        guard let size = try Self.readChunkSize(&buffer, limits: limits) else { return nil }
        state = size == 0 ? .trailer(bytes: 0, count: 0) : .chunk(left: size)
      case .chunk(0):
        state = .chunkEnd
      case .chunk(let left):
        guard let bytes = buffer.readSlice(upTo: left) else { return nil }
        state = .chunk(left: left - bytes.readableBytes)
        return .body(bytes)
      case .chunkEnd:
        // A wrong first byte is told at once, not when the second comes.
        guard let first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else { return nil }
        guard first == 0x0D else { throw .chunkEndMissing }
        guard let second = buffer.getInteger(at: buffer.readerIndex + 1, as: UInt8.self) else { return nil }
        guard second == 0x0A else { throw .chunkEndMissing }
        buffer.moveReaderIndex(forwardBy: 2)
        state = .chunkSize
      case .trailer(let bytes, let count):
        let read = try buffer.readingLine(
          limit: limits.headerBytes - bytes, tooLong: .headersTooLarge(limit: limits.headerBytes)
        ) { (line) throws(RequestSyntaxError) -> Bool in
          if line.isEmpty { return true }
          guard count < limits.headerCount else { throw .tooManyHeaders(limit: limits.headerCount) }
          try HeadGrammar.field(line.base, line.startIndex..<line.endIndex)
          return false
        }
        guard let (isLast, length) = read else { return nil }
        state = isLast ? .done : .trailer(bytes: bytes + length, count: count + 1)
      }
    }
  }

  /// `1a2b` or `1a2b;name=value`. A sign, `0x`, a space or a 16th digit are errors: others read those differently.
  private static func readChunkSize(
    _ buffer: inout ByteBuffer, limits: RequestParser.Limits
  ) throws(RequestSyntaxError) -> Int? {
    // What is not even a digit is refused before its line is complete.
    if let first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self), RequestTarget.hexDigit(first) == nil {
      throw .chunkSizeInvalid
    }
    let read = try buffer.readingLine(
      limit: 15 + limits.chunkExtension, tooLong: .chunkLineTooLong(limit: limits.chunkExtension)
    ) { (line) throws(RequestSyntaxError) -> Int in
      let digits = line.prefix { RequestTarget.hexDigit($0) != nil }
      guard (1...15).contains(digits.count) else { throw .chunkSizeInvalid }
      guard digits.count == line.count || line[digits.endIndex] == UInt8(ascii: ";") else { throw .chunkSizeInvalid }
      return digits.reduce(0) { $0 << 4 | Int(RequestTarget.hexDigit($1)!) }
    }
    return read?.0
  }
}

extension ByteBuffer {
  fileprivate mutating func readSlice(upTo length: Int) -> ByteBuffer? {
    readableBytes == 0 ? nil : readSlice(length: Swift.min(length, readableBytes))
  }

  /// Reads one line, if it is there whole, and moves behind it.
  /// - Returns: what `body` makes of the line without its CR LF, and how many bytes it took with it.
  fileprivate mutating func readingLine<T>(
    limit: Int, tooLong: RequestSyntaxError,
    _ body: (Slice<UnsafeRawBufferPointer>) throws(RequestSyntaxError) -> T
  ) throws(RequestSyntaxError) -> (T, Int)? {
    let read = try parsing { (bytes) throws(RequestSyntaxError) -> (T, Int)? in
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
    if let read { moveReaderIndex(forwardBy: read.1) }
    return read
  }
}
