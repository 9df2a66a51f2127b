/// Who has said goodbye (RFC 6455 section 7.1): each side sends one close frame, and the transport ends when both
/// have. Waiting for a peer that never answers is the caller's deadline.
package struct ClosingHandshake: Sendable, Equatable {
  private enum State: Sendable {
    case open
    case waiting
    case done
  }

  /// What to do about a close frame that was received.
  package enum Answer: Sendable, Equatable {
    /// Send a close frame with this code (nil: an empty one), then end the transport.
    case echo(code: UInt16?)
    /// It answers ours: end the transport.
    case end
    /// It comes too late: nothing.
    case ignore
  }

  private var state = State.open

  package init() {}

  /// Messages, pings and pongs may be sent: none may follow our close frame (section 5.5.1).
  package var maySend: Bool { state == .open }

  /// Our close frame is out and the peer's is awaited.
  package var isWaiting: Bool { state == .waiting }

  /// Nothing more is to be sent or awaited.
  package var isDone: Bool { state == .done }

  /// We want to close: true if a close frame is to be sent now, false if one was already.
  package mutating func start() -> Bool {
    guard state == .open else { return false }
    state = .waiting
    return true
  }

  /// The peer sent a close frame.
  package mutating func received(code: UInt16?) -> Answer {
    defer { state = .done }
    return switch state {
    case .open: .echo(code: code)
    case .waiting: .end
    case .done: .ignore
    }
  }

  /// The peer broke a rule: the close code to send before ending the transport, nil if a close frame was sent
  /// already. Its answer is not awaited, because its bytes can no longer be read (section 7.1.7).
  package mutating func fail(_ error: WebSocketError) -> UInt16? {
    defer { state = .done }
    return state == .open ? error.closeCode : nil
  }
}
