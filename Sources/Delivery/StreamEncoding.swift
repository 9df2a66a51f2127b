package import NIOCore
package import StreamLog
package import WireFormat

/// How one transport, with one framing, writes messages and controls. One instance serves every subscriber of a loop:
/// a burst is encoded once and its bytes are shared.
package protocol StreamEncoding: AnyObject {
  /// - Parameter isRewound: the message is a rewind's: it carries no position of its own where the transport would
  ///   make it one (sse's `id:` line), so that a break repeats the rewind.
  func append(_ message: Message, isRewound: Bool, to buffer: inout ByteBuffer)
  /// Writes nothing for a control this transport does not have.
  func append(_ control: Control, isRewinding: Bool, to buffer: inout ByteBuffer)
}
