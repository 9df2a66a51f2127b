import NIOCore

/// One deadline at a time, and at most one timer for it: a deadline that moves back leaves its timer to fire early and
/// go on, so that a busy connection schedules almost nothing and an idle one holds one task.
struct ConnectionClock {
  enum Deadline { case none, firstByte, head, body, skip, idle, stall, linger }

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
  /// The connection was accepted.
  func watchFirstByte() { set(.firstByte, in: shared.settings.requestHeadTime) }

  /// Between requests: the clock for what comes next.
  func watchNextRequest() {
    if !isWritable {
      // Not moved by later bytes: a peer that sends and takes nothing is stalled all the same.
      if clock.deadline != .stall { watchStall() }
    } else if parser.bufferedBytes > 0 {
      // Not moved by later bytes: it is the whole head that must be there in time.
      if clock.deadline != .head { set(.head, in: shared.settings.requestHeadTime) }
    } else if hasServed {
      set(.idle, in: shared.settings.idleTime)
    }
  }

  func watchBody() { set(.body, in: shared.settings.bodyTime) }

  func watchSkip() { set(.skip, in: shared.settings.bodyTime) }

  /// From now on some of what is pending must leave within each stall time.
  func watchStall() {
    clock.stalledBytes = pendingBytes
    set(.stall, in: shared.settings.stallTime)
  }

  func watchLinger() { set(.linger, in: shared.settings.lingerTime) }

  func clearDeadline() { clock.deadline = .none }

  private func set(_ deadline: ConnectionClock.Deadline, in time: TimeAmount) {
    guard let context else { return }
    clock.deadline = deadline
    clock.at = .now() + time
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
    case .head: refuse(.requestTimeout)
    case .body:
      if case .open(let exchange) = phase { exchange.bodyTimedOut() }
    case .skip: leave()
    case .stall:
      if pendingBytes < clock.stalledBytes { return watchStall() }
      shared.counters.count(.stalled)
      close()
    case .firstByte, .idle, .linger: close()
    }
  }
}
