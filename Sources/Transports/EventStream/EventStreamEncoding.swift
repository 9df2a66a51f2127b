import Delivery
package import HTTPServer
package import NIOCore
package import StreamLog
package import WireFormat

/// Server-sent events (WHATWG HTML section 9.2): messages are plain events whose `data` is the encoded object, controls
/// are named events, so that `onmessage` sees messages alone. What carries a position carries it as `id:`.
package final class EventStreamEncoding: StreamEncoding {
  private var framing: ChunkFraming
  private let isRaw: Bool
  private let retryMilliseconds: Int

  package init(framing: OutletFraming, isRaw: Bool, retryMilliseconds: Int) {
    self.framing = ChunkFraming(framing)
    self.isRaw = isRaw
    self.retryMilliseconds = retryMilliseconds
  }

  package func append(_ message: Message, isRewound: Bool, to buffer: inout ByteBuffer) {
    framing.append(to: &buffer) { buffer in
      if !isRewound {
        buffer.writeStaticString("id: ")
        buffer.writeBytes(message.encoded[message.idRange])
        buffer.writeStaticString("\n")
      }
      if isRaw {
        appendRaw(message, to: &buffer)
      } else {
        buffer.writeStaticString("data: ")
        buffer.writeBytes(message.encoded)
        buffer.writeStaticString("\n")
      }
      buffer.writeStaticString("\n")
    }
  }

  /// The payload alone: the publisher's JSON, a text's lines, or base64.
  private func appendRaw(_ message: Message, to buffer: inout ByteBuffer) {
    if let event = message.eventName { buffer.writeString("event: \(event)\n") }
    let data = message.encoded[message.dataRange]
    switch message.kind {
    case .json:
      buffer.writeStaticString("data: ")
      buffer.writeBytes(data)
      buffer.writeStaticString("\n")
    case .binary:
      buffer.writeStaticString("data: ")
      buffer.writeBytes(data.dropFirst().dropLast())
      buffer.writeStaticString("\n")
    case .text:
      guard case .string(let text)? = try? JSONValue(parsing: Array(data)) else { return }
      // Every line end there is becomes one of ours: an event cannot carry another (section 9.2.6).
      for line in text.split(
        omittingEmptySubsequences: false, whereSeparator: { $0 == "\n" || $0 == "\r" || $0 == "\r\n" })
      {
        buffer.writeStaticString("data: ")
        buffer.writeString(String(line))
        buffer.writeStaticString("\n")
      }
    }
  }

  package func append(_ control: Control, isRewinding: Bool, to buffer: inout ByteBuffer) {
    framing.append(to: &buffer) { buffer in
      switch control {
      case .hello: buffer.writeString("retry: \(retryMilliseconds)\n")
      case .reconnect(let afterMs): buffer.writeString("retry: \(afterMs)\n")
      default: break
      }
      if let position = control.position, !isRewinding { buffer.writeString("id: \(position)\n") }
      buffer.writeString("event: \(control.name)\ndata: ")
      if case .heartbeat = control {
        buffer.writeStaticString("{}")
      } else {
        buffer.writeBytes(control.encoded)
      }
      buffer.writeStaticString("\n\n")
    }
  }
}
