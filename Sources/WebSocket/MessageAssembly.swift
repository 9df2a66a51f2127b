/// The message under way: its fragments in one buffer, so that a message of 65,536 fragments costs its bytes.
struct MessageAssembly {
  /// Room made for a frame before its bytes are there: a length that was only declared reserves no more than this.
  private static let maxReserve = 65_536

  /// Nil between messages.
  private var kind: MessageKind?
  private var isCompressed = false
  private var bytes: [UInt8] = []
  private var validator = UTF8Validator()

  /// Judges a data frame by its header (RFC 6455 section 5.4).
  /// - Throws: `continuationWithoutStart`, `messageInsideMessage`, `messageTooLong`.
  mutating func begin(_ header: FrameHeader, limit: Int) throws(WebSocketError) {
    switch (header.opcode, kind) {
    case (.continuation, nil): throw .continuationWithoutStart
    case (.continuation, _): break
    case (_, .some): throw .messageInsideMessage(header.opcode)
    case (_, nil):
      kind = header.opcode == .text ? .text : .binary
      isCompressed = header.reservedBits & 4 != 0
      validator = UTF8Validator()
    }
    // What does not compress grows a little; DEFLATE's fixed codes spend at most 9 bits on a byte.
    let most = isCompressed ? limit + limit / 8 + 64 : limit
    if header.payloadLength > most - bytes.count {
      let (length, overflow) = bytes.count.addingReportingOverflow(header.payloadLength)
      throw .messageTooLong(overflow ? .max : length, limit: limit)
    }
  }

  /// Appends a piece of `frame`'s payload. Text that is not compressed is judged here, at its first wrong byte.
  mutating func append(
    _ piece: UnsafeRawBufferPointer, mask: MaskingKey?, of frame: FrameHeader
  ) throws(WebSocketError) {
    let start = bytes.count
    if let mask {
      mask.append(piece, expecting: min(frame.payloadLength, Self.maxReserve), to: &bytes)
    } else {
      bytes.append(contentsOf: piece)
    }
    if kind == .text, !isCompressed { try validate(from: start) }
  }

  /// Ends the message with the last frame and hands it over, inflated if it was compressed.
  /// - Throws: `invalidUTF8`, and from `MessageInflater.inflate`.
  mutating func finish(limit: Int, inflater: MessageInflater?) throws(WebSocketError) -> WebSocketEvent? {
    guard let kind else { return nil }
    self.kind = nil
    if isCompressed, let inflater {
      let compressed = bytes
      bytes = []
      bytes = try compressed.withUnsafeBufferPointer { (buffer) throws(WebSocketError) in
        try inflater.inflate(UnsafeRawBufferPointer(buffer), limit: limit)
      }
      if kind == .text { try validate(from: 0) }
    }
    if kind == .text, !validator.isComplete { throw .invalidUTF8(offset: bytes.count) }
    let whole = bytes
    bytes = []
    return .message(kind, whole)
  }

  private mutating func validate(from start: Int) throws(WebSocketError) {
    let invalid = bytes.withUnsafeBytes { raw in
      validator.firstInvalid(in: UnsafeRawBufferPointer(rebasing: raw[start...]))
    }
    if let invalid { throw .invalidUTF8(offset: start + invalid) }
  }
}
