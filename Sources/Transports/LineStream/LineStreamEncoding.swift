import Delivery
package import HTTPServer
package import NIOCore
package import StreamLog
package import WireFormat

/// Newline-delimited JSON: one object a line, controls in band.
package final class LineStreamEncoding: StreamEncoding {
  private var framing: ChunkFraming

  package init(framing: OutletFraming) { self.framing = ChunkFraming(framing) }

  package func append(_ message: Message, isRewound: Bool, to buffer: inout ByteBuffer) {
    framing.append(to: &buffer) { buffer in
      buffer.writeBytes(message.encoded)
      buffer.writeStaticString("\n")
    }
  }

  package func append(_ control: Control, isRewinding: Bool, to buffer: inout ByteBuffer) {
    framing.append(to: &buffer) { buffer in
      buffer.writeBytes(control.encoded)
      buffer.writeStaticString("\n")
    }
  }
}
