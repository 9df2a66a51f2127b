/// What a frame carries (RFC 6455 section 5.2). The values 3–7 and 11–15 are reserved and refused.
package enum Opcode: UInt8, Sendable, CaseIterable {
  case continuation = 0x0
  case text = 0x1
  case binary = 0x2
  case close = 0x8
  case ping = 0x9
  case pong = 0xA

  /// Control frames are whole, at most 125 bytes long, and may stand between the fragments of a message.
  package var isControl: Bool { rawValue & 0x8 != 0 }
}

/// The two kinds of message (RFC 6455 section 5.6).
package enum MessageKind: Sendable, Equatable {
  /// Valid UTF-8; the connection has checked it.
  case text
  case binary

  package var opcode: Opcode {
    switch self {
    case .text: .text
    case .binary: .binary
    }
  }
}

/// What a connection hears from its peer, in the order it was said.
package enum WebSocketEvent: Sendable, Equatable {
  /// A whole message: fragments joined, unmasked and, where it was compressed, inflated.
  case message(MessageKind, [UInt8])
  /// To be answered with a pong of the same bytes (section 5.5.2).
  case ping([UInt8])
  case pong([UInt8])
  /// The last event of a connection; `code` is nil for an empty close frame.
  case close(code: UInt16?, reason: String)
}
