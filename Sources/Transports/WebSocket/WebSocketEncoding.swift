import Delivery
package import NIOCore
package import StreamLog
import Synchronization
import WebSocket
package import WireFormat

/// Text frames of the encoded objects, as they are.
package final class WebSocketEncoding: StreamEncoding {
  package init() {}

  package func append(_ message: Message, isRewound: Bool, to buffer: inout ByteBuffer) {
    Self.appendText(message.encoded, to: &buffer)
  }

  package func append(_ control: Control, isRewinding: Bool, to buffer: inout ByteBuffer) {
    Self.appendText(control.encoded, to: &buffer)
  }

  static func appendText(_ payload: [UInt8], isCompressed: Bool = false, to buffer: inout ByteBuffer) {
    buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: FrameHeader.maxLength) { space in
      FrameHeader(reservedBits: isCompressed ? 4 : 0, opcode: .text, payloadLength: payload.count).write(into: space)
    }
    buffer.writeBytes(payload)
  }
}

/// Text frames compressed for permessage-deflate (RFC 7692), each by itself, so that a message is compressed once,
/// whoever reads it and whenever.
package final class DeflatedWebSocketEncoding: StreamEncoding {
  private let deflater: MessageDeflater
  /// Shorter ones are not worth it.
  private let minBytes: Int
  private let ledger: MemoryLedger

  package init(level: Int, minBytes: Int, ledger: MemoryLedger) {
    deflater = MessageDeflater(level: level)
    self.minBytes = minBytes
    self.ledger = ledger
  }

  package func append(_ message: Message, isRewound: Bool, to buffer: inout ByteBuffer) {
    guard message.encoded.count >= minBytes else {
      return WebSocketEncoding.appendText(message.encoded, to: &buffer)
    }
    let deflated =
      message.deflated.load()
      ?? message.deflated.storeIfNil(CachedBytes(compress(message.encoded), in: ledger))
    if deflated.bytes.isEmpty {
      WebSocketEncoding.appendText(message.encoded, to: &buffer)
    } else {
      WebSocketEncoding.appendText(deflated.bytes, isCompressed: true, to: &buffer)
    }
  }

  package func append(_ control: Control, isRewinding: Bool, to buffer: inout ByteBuffer) {
    WebSocketEncoding.appendText(control.encoded, to: &buffer)
  }

  /// - Returns: nothing if it does not get shorter, and so goes as it is.
  private func compress(_ bytes: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    bytes.withUnsafeBytes { deflater.compress($0, appendTo: &output) }
    return output.count < bytes.count ? output : []
  }
}
