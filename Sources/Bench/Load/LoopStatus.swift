/// Where a loop is, for whoever directs the run.
struct LoopStatus: Sendable {
  var publishersReady = 0
  var publishersLost = 0
  var subscribed = 0
  /// Subscribers that are connected now.
  var open = 0
  /// Subscribers that could not be connected, or were and are no more.
  var lost = 0
  var caughtUp = 0
  /// Subscribers that were told everything they will be told, and still miss something.
  var fellShort = 0
  /// Gaps that were announced.
  var gaps: UInt64 = 0
  /// Messages received for the first time.
  var received: UInt64 = 0
  var acknowledged: UInt64 = 0
  /// When something last happened.
  var lastProgress: UInt64 = 0
  /// When a message last came.
  var lastArrival: UInt64 = 0
  /// When a subscriber last became one.
  var lastSubscribed: UInt64 = 0
  var faults = FaultLog()
  /// Loops in which nothing is published and nothing unanswered.
  var quiet = 0
  /// The last seq of every topic that was acknowledged or received; empty while publishing.
  var committed: [UInt64] = []

  /// Adds another loop's.
  mutating func add(_ other: LoopStatus) {
    publishersReady += other.publishersReady
    publishersLost += other.publishersLost
    subscribed += other.subscribed
    open += other.open
    lost += other.lost
    caughtUp += other.caughtUp
    fellShort += other.fellShort
    gaps += other.gaps
    received += other.received
    acknowledged += other.acknowledged
    lastProgress = max(lastProgress, other.lastProgress)
    lastArrival = max(lastArrival, other.lastArrival)
    lastSubscribed = max(lastSubscribed, other.lastSubscribed)
    faults.merge(other.faults)
    quiet += other.quiet
    if committed.isEmpty {
      committed = other.committed
    } else {
      for (topic, seq) in other.committed.enumerated() { committed[topic] = max(committed[topic], seq) }
    }
  }
}
