import WebSocket

/// Finds the objects in what a gateway sends over a websocket, a text message each (RFC 6455 section 5). No extension
/// was offered, so nothing is compressed.
package struct WebSocketScanner {
  /// The longest message that is kept while its end has not come.
  package static let longestMessage = 16 << 20

  /// A frame whose end has not come.
  private var partial: [UInt8] = []
  /// The fragments of a message whose last has not come; nil between messages.
  private var fragments: [UInt8]?
  /// The payload of a ping that is to be answered.
  package private(set) var ping: [UInt8]?

  package init() {}

  /// What to answer the last ping with; the next call gives nil.
  package mutating func takePing() -> [UInt8]? {
    defer { ping = nil }
    return ping
  }

  /// - Parameter bytes: of the connection behind its handshake, split anywhere.
  /// - Throws: `closed` for a close frame, `malformed`.
  package mutating func feed(
    _ bytes: UnsafeRawBufferPointer, into taker: inout some ObjectTaker
  ) throws(StreamFault) {
    var rest = bytes
    if !partial.isEmpty {
      guard try complete(&rest, into: &taker) else { return }
    }
    while let frame = try Frame(rest), rest.count >= frame.end {
      try take(frame, of: rest, into: &taker)
      rest = UnsafeRawBufferPointer(rebasing: rest[frame.end...])
    }
    if !rest.isEmpty { partial.append(contentsOf: rest) }
  }

  /// Goes on with the frame that was cut.
  ///
  /// - Returns: whether it is complete now; `rest` is then what lies behind it.
  private mutating func complete(
    _ rest: inout UnsafeRawBufferPointer, into taker: inout some ObjectTaker
  ) throws(StreamFault) -> Bool {
    while true {
      let frame = try partial.withRawBytes { bytes throws(StreamFault) in try Frame(bytes) }
      // As long as its size is not known, byte for byte.
      let missing = frame.map { $0.end - partial.count } ?? 1
      if missing == 0, let frame {
        var whole: [UInt8] = []
        swap(&whole, &partial)
        try whole.withRawBytes { bytes throws(StreamFault) in try take(frame, of: bytes, into: &taker) }
        whole.removeAll(keepingCapacity: true)
        swap(&whole, &partial)
        return true
      }
      let count = min(missing, rest.count)
      guard count > 0 else { return false }
      partial.append(contentsOf: rest[..<count])
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  @inline(__always)
  private mutating func take(
    _ frame: Frame, of bytes: UnsafeRawBufferPointer, into taker: inout some ObjectTaker
  ) throws(StreamFault) {
    let payload = UnsafeRawBufferPointer(rebasing: bytes[frame.start..<frame.end])
    // A whole text message: what nearly every frame is.
    if frame.first == 0x81, fragments == nil { return taker.take(payload) }
    try takeUncommon(frame.first, payload, into: &taker)
  }

  @inline(never)
  private mutating func takeUncommon(
    _ first: UInt8, _ payload: UnsafeRawBufferPointer, into taker: inout some ObjectTaker
  ) throws(StreamFault) {
    guard first & 0x70 == 0 else { throw .malformed("a frame has bits of an extension that was not offered") }
    switch Opcode(rawValue: first & 15) {
    case .ping: ping = Array(payload)
    case .pong: break
    case .close:
      throw .closed(code: payload.count < 2 ? 1005 : Int(payload[0]) << 8 | Int(payload[1]))
    case .text where fragments == nil: fragments = Array(payload)
    case .continuation where fragments != nil:
      fragments?.append(contentsOf: payload)
      guard first & 0x80 != 0, let whole = fragments else { return }
      whole.withUnsafeBytes { taker.take($0) }
      fragments = nil
    default: throw .malformed("a frame of kind \(first & 15) where none may be")
    }
  }

  /// Where a frame and its payload end.
  private struct Frame {
    let first: UInt8
    let start: Int
    let end: Int

    /// - Returns: nil if the head is not all there.
    @inline(__always)
    init?(_ bytes: UnsafeRawBufferPointer) throws(StreamFault) {
      guard bytes.count >= 2 else { return nil }
      first = bytes[0]
      let short = Int(bytes[1])
      if short < 126 {
        start = 2
        end = 2 &+ short
        return
      }
      if short == 126, bytes.count >= 4 {
        start = 4
        end = 4 &+ (Int(bytes[2]) &<< 8 | Int(bytes[3]))
        return
      }
      guard short <= 127 else { throw .malformed("a frame of the gateway is masked") }
      guard short == 127, bytes.count >= 10 else { return nil }
      let length = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
      guard length <= WebSocketScanner.longestMessage else {
        throw .malformed("a frame has \(length) bytes, more than \(WebSocketScanner.longestMessage)")
      }
      start = 10
      end = 10 &+ Int(length)
    }
  }
}
