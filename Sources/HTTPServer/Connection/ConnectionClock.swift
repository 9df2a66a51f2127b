import NIOCore

/// One deadline at a time, and at most one timer for it: a deadline that moves back leaves its timer to fire early and
/// go on, so that a busy connection schedules almost nothing and an idle one holds one task.
struct ConnectionClock {
  enum Deadline {
    case none
    /// Of the connection: from accepting to the end of TLS's handshake, to the first byte, and for a refused one to its
    /// request.
    case handshake, firstByte, refusal
    /// Of the session: a request's head, its body, what is skipped of one, and, where there are streams, the next of
    /// theirs.
    case head, body, skip, streams
    /// Without a request; with bytes that the peer does not take; after our side was closed.
    case idle, stall, linger
  }

  fileprivate(set) var deadline: Deadline = .none
  fileprivate var at: NIODeadline = .distantFuture
  fileprivate var timer: Scheduled<Void>?
  fileprivate var timerAt: NIODeadline = .distantFuture
  /// What was pending when the peer was last seen to take something.
  fileprivate var stalledBytes = Int.max

  mutating func stop() {
    deadline = .none
    timer?.cancel()
    timer = nil
  }
}

extension HTTPConnection {
  func watchHandshake() { set(.handshake, in: shared.settings.handshakeTime) }

  func watchFirstByte() { set(.firstByte, in: shared.settings.requestHeadTime) }

  func watchRefusal() { set(.refusal, in: shared.settings.refusalTime) }

  /// Between requests: the clock for what comes next.
  ///
  /// - Parameter hasBegun: some of the next head is there.
  func watchNextRequest(hasBegun: Bool) {
    if !isWritable {
      // Not moved by later bytes: a peer that sends and takes nothing is stalled all the same.
      if clock.deadline != .stall { watchStall() }
    } else if refusal != nil {
      // Has one time for all.
      if clock.deadline != .refusal { watchRefusal() }
    } else if hasBegun {
      // Not moved by later bytes: it is the whole head that must be there in time.
      if clock.deadline != .head { set(.head, in: shared.settings.requestHeadTime) }
    } else if hasServed {
      set(.idle, in: shared.settings.idleTime)
    }
  }

  func watchBody() { set(.body, in: shared.settings.bodyTime) }

  func watchSkip() { set(.skip, in: shared.settings.bodyTime) }

  /// The session is asked what is late (`HTTPSession.timedOut`).
  func watchStreams(until deadline: NIODeadline) { set(.streams, at: deadline) }

  /// From now on some of what is pending must leave within each stall time.
  func watchStall() {
    clock.stalledBytes = pendingBytes
    set(.stall, in: shared.settings.stallTime)
  }

  func watchLinger() { set(.linger, in: refusal == nil ? shared.settings.lingerTime : shared.settings.refusalTime) }

  func clearDeadline() { clock.deadline = .none }

  private func set(_ deadline: ConnectionClock.Deadline, in time: TimeAmount) { set(deadline, at: .now() + time) }

  private func set(_ deadline: ConnectionClock.Deadline, at time: NIODeadline) {
    guard let context else { return }
    clock.deadline = deadline
    clock.at = time
    if clock.timer != nil, clock.timerAt <= clock.at { return }
    clock.timer?.cancel()
    schedule(context)
  }

  private func schedule(_ context: ChannelHandlerContext) {
    clock.timerAt = clock.at
    clock.timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: clock.at) { self.timerFired() }
  }

  private func timerFired() {
    clock.timer = nil
    guard clock.deadline != .none, let context else { return }
    guard clock.at <= .now() else { return schedule(context) }
    let expired = clock.deadline
    clock.deadline = .none
    switch expired {
    case .none: break
    case .head, .body, .skip, .streams: session?.timedOut(expired)
    case .stall:
      if pendingBytes < clock.stalledBytes { return watchStall() }
      shared.counters.count(.stalled)
      close()
    case .refusal: refuseUnasked()
    case .handshake:
      shared.counters.count(.handshakeTimeouts)
      close()
    case .idle: if let session { session.goAway() } else { close() }
    case .firstByte, .linger: close()
    }
  }
}
