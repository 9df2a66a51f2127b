/// A rule that the peer's bytes broke. The connection cannot go on after one: send a close frame with
/// `closeCode` and hang up (RFC 6455 section 7.1.7).
package enum WebSocketError: Error, Equatable, Sendable {
  /// Section 5.1: a client masks every frame.
  case unmaskedClientFrame
  /// Section 5.1: a server masks none.
  case maskedServerFrame
  /// Section 5.2: a bit that no negotiated extension gave a meaning; RSV1 is 4, RSV2 is 2, RSV3 is 1.
  case reservedBits(UInt8)
  case reservedOpcode(UInt8)
  /// Section 5.5: at most 125 bytes.
  case controlFrameTooLong(Int, limit: Int)
  case fragmentedControlFrame(Opcode)
  /// Section 5.4: a continuation frame with no message to continue.
  case continuationWithoutStart
  /// Section 5.4: a new message before the last fragment of the one under way.
  case messageInsideMessage(Opcode)
  /// Section 5.2: a 64-bit length has its top bit clear.
  case lengthTopBitSet(UInt64)
  /// Section 5.2: the shortest encoding of a length is the only one; `bytes` is the size of the one used.
  case lengthNotMinimal(Int, bytes: Int)
  /// What was declared, or for a compressed message at least what it inflates to, against our own limit.
  case messageTooLong(Int, limit: Int)
  /// Section 8.1: the byte at this offset of a text message cannot follow those before it.
  case invalidUTF8(offset: Int)
  /// Section 5.5.1: a close frame is empty or has a code of two bytes.
  case closePayloadOfOneByte
  /// Section 7.4: not a code that may be sent.
  case invalidCloseCode(UInt16)
  case invalidCloseReason(offset: Int)
  /// RFC 7692 section 7.2.2: what the frame carries is not a whole DEFLATE stream.
  case invalidDeflate

  /// The code of the close frame that tells the peer: 1002 protocol error, 1007 bad data, 1009 too big.
  package var closeCode: UInt16 {
    switch self {
    case .messageTooLong: CloseCode.messageTooBig
    case .invalidUTF8, .invalidCloseReason, .invalidDeflate: CloseCode.invalidData
    default: CloseCode.protocolError
    }
  }
}

extension WebSocketError: CustomStringConvertible {
  /// Fits a close frame's reason (123 bytes), and says what to do.
  package var description: String {
    switch self {
    case .unmaskedClientFrame: "a client must mask its frames"
    case .maskedServerFrame: "a server must not mask its frames"
    case .reservedBits(let bits): "reserved bits \(bits) are set; leave RSV bits 0 where no extension uses them"
    case .reservedOpcode(let opcode): "opcode \(opcode) is reserved; use 0, 1, 2, 8, 9 or 10"
    case .controlFrameTooLong(let length, let limit): "a control frame of \(length) bytes; the most is \(limit)"
    case .fragmentedControlFrame(let opcode): "a \(opcode) frame must not be fragmented"
    case .continuationWithoutStart: "a continuation frame without a message to continue"
    case .messageInsideMessage(let opcode): "a \(opcode) frame inside a fragmented message; continue that one first"
    case .lengthTopBitSet: "a frame length with its top bit set"
    case .lengthNotMinimal(let length, let bytes): "length \(length) in \(bytes) bytes; use the shortest encoding"
    case .messageTooLong(let length, let limit): "a message of \(length) bytes; the limit is \(limit)"
    case .invalidUTF8(let offset): "not UTF-8 at byte \(offset) of a text message; send other bytes as binary"
    case .closePayloadOfOneByte: "a close frame of 1 byte; send none, or a code of two"
    case .invalidCloseCode(let code): "\(code) is not a close code; use 1000 to 1003, 1007 to 1014, 3000 to 4999"
    case .invalidCloseReason(let offset): "not UTF-8 at byte \(offset) of a close reason"
    case .invalidDeflate: "a compressed message that does not inflate"
    }
  }
}
