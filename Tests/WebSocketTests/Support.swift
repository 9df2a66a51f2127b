import TestSupport
import WebSocket

/// What a connection made of some bytes.
struct Heard: Equatable {
  var events: [WebSocketEvent] = []
  var error: WebSocketError?
}

extension WebSocketConnection {
  func hear(_ bytes: [UInt8]) -> Heard {
    var heard = Heard()
    do throws(WebSocketError) {
      try bytes.withUnsafeBufferPointer { (buffer) throws(WebSocketError) in
        try receive(UnsafeRawBufferPointer(buffer)) { heard.events.append($0) }
      }
    } catch {
      heard.error = error
    }
    return heard
  }

  /// Hears `pieces` one after another, up to the first error.
  func hear(pieces: [[UInt8]]) -> Heard {
    var heard = Heard()
    for piece in pieces where heard.error == nil {
      let next = hear(piece)
      heard.events += next.events
      heard.error = next.error
    }
    return heard
  }

  /// A server that reads what clients sent, or a client if `role` says so.
  static func reader(_ role: Role = .server, limit: Int = 1 << 17, deflate: Bool = false) -> WebSocketConnection {
    WebSocketConnection(role: role, maxMessageBytes: limit, inflater: deflate ? MessageInflater() : nil)
  }
}

extension SeededGenerator {
  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
  }
}

/// A client's frame from its parts; whatever they are, also against the rules.
func masked(
  _ opcode: Opcode, _ payload: [UInt8], fin: Bool = true, bits: UInt8 = 0, key: UInt32 = 0x37FA_213D
) -> [UInt8] {
  frame(opcode, payload, fin: fin, bits: bits, mask: MaskingKey(wire: key))
}

/// A frame from its parts, unmasked unless a mask is given.
func frame(
  _ opcode: Opcode, _ payload: [UInt8], fin: Bool = true, bits: UInt8 = 0, mask: MaskingKey? = nil
) -> [UInt8] {
  let header = FrameHeader(fin: fin, reservedBits: bits, opcode: opcode, payloadLength: payload.count, mask: mask)
  var bytes: [UInt8] = []
  payload.withUnsafeBytes { WebSocketFrame.append(header, $0, to: &bytes) }
  return bytes
}

func deflated(_ payload: [UInt8], level: Int = -1) -> [UInt8] {
  var bytes: [UInt8] = []
  payload.withUnsafeBytes { MessageDeflater(level: level).compress($0, appendTo: &bytes) }
  return bytes
}
