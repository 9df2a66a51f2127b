/// One end of a WebSocket connection as a reader: bytes in, events out (RFC 6455 section 5, RFC 7692 section 6).
///
/// It does no I/O and answers nothing: pongs and closes are the caller's (see `ClosingHandshake`). Confined to its
/// event loop. Between messages it holds no buffer.
package final class WebSocketConnection {
  package enum Role: Sendable {
    /// Reads masked frames.
    case server
    /// Reads unmasked frames.
    case client
  }

  /// Leaves room to add to a limit without overflow.
  private static let mostMessageBytes = 1 << 60

  private let role: Role
  private let maxMessageBytes: Int
  private let inflater: MessageInflater?

  private var headerBytes = SIMD16<UInt8>()
  private var headerCount = 0
  private var frame: FrameHeader?
  /// The rest of `frame`'s payload, in bytes.
  private var remaining = 0
  /// The key for the next byte of payload.
  private var mask: MaskingKey?
  private var control: [UInt8] = []
  private var message = MessageAssembly()
  private var isClosed = false
  private var failure: WebSocketError?

  /// - Parameters:
  ///   - maxMessageBytes: the longest message, in bytes, also after inflating.
  ///   - inflater: given if permessage-deflate was negotiated; one serves all connections of an event loop.
  package init(role: Role, maxMessageBytes: Int, inflater: MessageInflater? = nil) {
    precondition(0...Self.mostMessageBytes ~= maxMessageBytes, "a message limit is 0 to 2^60 bytes")
    self.role = role
    self.maxMessageBytes = maxMessageBytes
    self.inflater = inflater
  }

  /// Reads what arrived, split anywhere, and emits what it completes. After a close event nothing more is emitted;
  /// after an error, which comes behind the events of what was right before it, every call throws that error.
  /// `emit` may do anything but call `receive`.
  package func receive(
    _ bytes: UnsafeRawBufferPointer, emit: (WebSocketEvent) -> Void
  ) throws(WebSocketError) {
    if let failure { throw failure }
    do {
      try read(bytes, emit)
    } catch {
      failure = error
      message = MessageAssembly()
      control = []
      throw error
    }
  }

  private func read(_ bytes: UnsafeRawBufferPointer, _ emit: (WebSocketEvent) -> Void) throws(WebSocketError) {
    var rest = bytes
    while !isClosed, !rest.isEmpty {
      if frame == nil {
        guard let header = try takeHeader(&rest) else { return }
        try begin(header)
      }
      let count = min(remaining, rest.count)
      try takePayload(UnsafeRawBufferPointer(rebasing: rest[..<count]))
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      if remaining == 0, let event = try endFrame() { emit(event) }
    }
  }

  /// Takes a header from `rest`, or what there is of one, which is kept.
  private func takeHeader(_ rest: inout UnsafeRawBufferPointer) throws(WebSocketError) -> FrameHeader? {
    if headerCount == 0, let (header, length) = try FrameHeader.decode(rest) {
      rest = UnsafeRawBufferPointer(rebasing: rest[length...])
      return header
    }
    var taken = 0
    defer { rest = UnsafeRawBufferPointer(rebasing: rest[taken...]) }
    while taken < rest.count {
      headerBytes[headerCount] = rest[taken]
      headerCount += 1
      taken += 1
      if let header = try decodeKept() {
        headerCount = 0
        return header
      }
    }
    return nil
  }

  private func decodeKept() throws(WebSocketError) -> FrameHeader? {
    let count = headerCount
    return try withUnsafeBytes(of: headerBytes) { (kept) throws(WebSocketError) in
      try FrameHeader.decode(UnsafeRawBufferPointer(rebasing: kept[..<count]))?.header
    }
  }

  /// Judges a header before a byte of its payload is kept.
  private func begin(_ header: FrameHeader) throws(WebSocketError) {
    switch role {
    case .server: if header.mask == nil { throw .unmaskedClientFrame }
    case .client: if header.mask != nil { throw .maskedServerFrame }
    }
    // RFC 7692 section 6.1: RSV1 on the first frame of a message, and there alone.
    let startsMessage = header.opcode == .text || header.opcode == .binary
    let allowed: UInt8 = startsMessage && inflater != nil ? 4 : 0
    if header.reservedBits & ~allowed != 0 { throw .reservedBits(header.reservedBits & ~allowed) }

    if !header.opcode.isControl { try message.begin(header, limit: maxMessageBytes) }
    frame = header
    remaining = header.payloadLength
    mask = header.mask
  }

  private func takePayload(_ bytes: UnsafeRawBufferPointer) throws(WebSocketError) {
    guard let frame, !bytes.isEmpty else { return }
    if frame.opcode.isControl {
      if let mask { mask.append(bytes, expecting: frame.payloadLength, to: &control) } else { control.append(contentsOf: bytes) }
    } else {
      try message.append(bytes, mask: mask, of: frame)
    }
    remaining -= bytes.count
    mask = mask?.advanced(by: bytes.count)
  }

  private func endFrame() throws(WebSocketError) -> WebSocketEvent? {
    guard let frame else { return nil }
    self.frame = nil
    guard frame.opcode.isControl else {
      return frame.fin ? try message.finish(limit: maxMessageBytes, inflater: inflater) : nil
    }
    let payload = control
    control = []
    switch frame.opcode {
    case .ping: return .ping(payload)
    case .pong: return .pong(payload)
    default:
      let (code, reason) = try CloseCode.parse(payload)
      isClosed = true
      message = MessageAssembly()
      return .close(code: code, reason: reason)
    }
  }
}
