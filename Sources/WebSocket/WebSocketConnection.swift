/// One end of a WebSocket connection as a reader: bytes in, events out (RFC 6455 section 5, RFC 7692 section 6).
///
/// It does no I/O and answers nothing: pongs and closes are the caller's (see `ClosingHandshake`). Confined to its
/// event loop. Between messages it holds no buffer.
package final class WebSocketConnection {
  package enum Role: Sendable {
    /// Reads masked frames.
    case server
    /// Reads unmasked frames.
    case client
  }

  /// Leaves room to add to a limit without overflow.
  private static let mostMessageBytes = 1 << 60

  /// A struct, so that each event costs one checked access to this object and not one a field.
  private var reader: FrameReader
  private var failure: WebSocketError?

  /// - Parameters:
  ///   - maxMessageBytes: the longest message, in bytes, also after inflating.
  ///   - inflater: given if permessage-deflate was negotiated; one serves all connections of an event loop.
  package init(role: Role, maxMessageBytes: Int, inflater: MessageInflater? = nil) {
    precondition(0...Self.mostMessageBytes ~= maxMessageBytes, "a message limit is 0 to 2^60 bytes")
    reader = FrameReader(role: role, maxMessageBytes: maxMessageBytes, inflater: inflater)
  }

  /// Reads what arrived, split anywhere, and emits what it completes. After a close event nothing more is emitted;
  /// after an error, which comes behind the events of what was right before it, every call throws that error.
  /// `emit` may do anything but call `receive`.
  package func receive(
    _ bytes: UnsafeRawBufferPointer, emit: (WebSocketEvent) -> Void
  ) throws(WebSocketError) {
    if let failure { throw failure }
    var rest = bytes
    do {
      while let event = try reader.next(&rest) { emit(event) }
    } catch {
      failure = error
      reader.forget()
      throw error
    }
  }
}
