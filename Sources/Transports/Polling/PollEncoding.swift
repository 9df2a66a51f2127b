import Delivery
package import NIOCore
package import StreamLog
package import WireFormat

/// The items of a poll's answer: messages and gaps, each with a comma behind it; the answer drops the last one.
package final class PollEncoding: StreamEncoding {
  package init() {}

  package func append(_ message: Message, isRewound: Bool, to buffer: inout ByteBuffer) {
    buffer.writeBytes(message.encoded)
    buffer.writeStaticString(",")
  }

  package func append(_ control: Control, isRewinding: Bool, to buffer: inout ByteBuffer) {
    guard case .gap = control else { return }
    buffer.writeBytes(control.encoded)
    buffer.writeStaticString(",")
  }
}
