/// The state between the bytes of a connection: which part of which frame comes next.
struct FrameReader {
  private let role: WebSocketConnection.Role
  private let maxMessageBytes: Int
  private let inflater: MessageInflater?

  /// A header that is not all there yet, and how much of it is.
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

  init(role: WebSocketConnection.Role, maxMessageBytes: Int, inflater: MessageInflater?) {
    self.role = role
    self.maxMessageBytes = maxMessageBytes
    self.inflater = inflater
  }

  /// Takes bytes from `rest` up to the next event; nil when they are used up, or there is nothing to hear any more.
  mutating func next(_ rest: inout UnsafeRawBufferPointer) throws(WebSocketError) -> WebSocketEvent? {
    while !isClosed, !rest.isEmpty {
      if frame == nil {
        guard let header = try takeHeader(&rest) else { return nil }
        try begin(header)
      }
      let count = min(remaining, rest.count)
      try takePayload(UnsafeRawBufferPointer(rebasing: rest[..<count]))
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      if remaining == 0, let event = try endFrame() { return event }
    }
    return nil
  }

  /// Lets go of what was buffered.
  mutating func forget() {
    control = []
    message = MessageAssembly()
  }

  /// Takes a header from `rest`, or what there is of one, which is kept.
  private mutating func takeHeader(_ rest: inout UnsafeRawBufferPointer) throws(WebSocketError) -> FrameHeader? {
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
    try withUnsafeBytes(of: headerBytes) { (kept) throws(WebSocketError) in
      try FrameHeader.decode(UnsafeRawBufferPointer(rebasing: kept[..<headerCount]))?.header
    }
  }

  /// Judges a header before a byte of its payload is kept.
  private mutating func begin(_ header: FrameHeader) throws(WebSocketError) {
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

  private mutating func takePayload(_ bytes: UnsafeRawBufferPointer) throws(WebSocketError) {
    guard let frame, !bytes.isEmpty else { return }
    if !frame.opcode.isControl {
      try message.append(bytes, mask: mask, of: frame)
    } else if let mask {
      mask.append(bytes, expecting: frame.payloadLength, to: &control)
    } else {
      control.append(contentsOf: bytes)
    }
    remaining -= bytes.count
    mask = mask?.advanced(by: bytes.count)
  }

  /// The event that the end of a frame brings; none for a fragment that is not the last.
  private mutating func endFrame() throws(WebSocketError) -> WebSocketEvent? {
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
      forget()
      return .close(code: code, reason: reason)
    }
  }
}
