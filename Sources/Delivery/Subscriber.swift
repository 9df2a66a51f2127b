import WireFormat
package import StreamLog
import StreamStores

/// A subscriber's place in its hub; it stays valid to hold after the subscriber is gone.
package struct SubscriberHandle: Hashable, Sendable {
  let slot: Int32
  let generation: UInt32
}

enum SubscriberState: UInt8 {
  /// The slot is free.
  case free
  /// The store has not said yet where it begins.
  case opening
  /// Its position is the loop's cursor.
  case live
  /// It reads pages from its position.
  case reading
  /// Its position, or where one of its subscriptions begins, lies ahead of the loop.
  case ahead
  /// Dismissed or gone while its loop was at work; the slot is freed afterwards.
  case gone
}

/// What the fan-out touches of a subscriber, in one compact array: 64 bytes, a line of the cache.
struct HotSlot {
  var state = SubscriberState.free
  /// Whether the transport takes more at the moment. One that does not is never live.
  var isReady = true
  /// A page was asked of the store and has not come.
  var isAwaitingPage = false
  var isQueued = false
  /// It is on the hub's list of those ahead.
  var isListedAhead = false
  var encoding: UInt8 = 0
  var generation: UInt32 = 0
  /// Where a live subscriber's bytes may be written straight to; -1 if its sink must be asked.
  var socket: Int32 = -1
  /// Where it stands. A live subscriber stands at the cursor, or here if the burst under way has told it more.
  var position: Offset = 0
  var sentMessages: UInt64 = 0
  /// Most messages one delivery may carry.
  var maxMessages: Int32 = .max
  var heartbeatSeconds: Int32 = 0
  /// When something was last sent, or it stopped taking more; in seconds of the hub's clock.
  var lastSent: Int32 = 0
  /// The burst that the runs below belong to.
  var burst: UInt32 = 0
  /// The first run of the burst's messages that it gets.
  var first: Int32 = 0
  var end: Int32 = 0
  /// Its further runs, as indices of the hub's list of them: the second and the last; -1 if there are none.
  var nextRun: Int32 = -1
  var lastRun: Int32 = -1

  /// It is answered once, and then gone.
  @inline(__always)
  var isPoll: Bool { maxMessages < .max }

  /// Whether both get the same bytes of the burst, as far as that is seen at once.
  @inline(__always)
  func getsSame(as other: HotSlot) -> Bool {
    encoding == other.encoding && first == other.first && end == other.end && nextRun < 0 && other.nextRun < 0
  }
}

/// A gap that is announced when its subscriber stands at `through`, again or still.
struct OwedGap {
  var topic: TopicPattern
  var after: Position
  var through: Offset
  var reason: Gap.Reason
}

/// The rest of a subscriber.
final class Subscriber {
  let sink: any SubscriberSink
  var subscriptions = SubscriptionSet()
  var memory = ReadMemory(began: 0)
  /// Gaps that no page has: of a subscription that is gone and on which others rely.
  var owedGaps: [OwedGap] = []
  /// Who is told when the backlog is done, and what it reaches to at least: the head when it was asked for.
  var awaitingCaughtUp: [Ref?] = []
  var backlogEnd: Offset = 0
  var rewindThrough: Offset = 0
  /// Rises when what it reads changes: a page asked for before that is not its own any more.
  var reading: UInt32 = 0
  /// Commands that came before the store said where it begins.
  var waitingToOpen: [(Hub) -> Void] = []
  let openedAt: Int32
  /// Bytes it was handed and does not take, as counted in the ledger.
  var unsent = 0
  /// What the reading under way met, for the count of resumes.
  var isResuming = false
  var metGap: Gap.Reason?

  init(sink: any SubscriberSink, openedAt: Int32) {
    self.sink = sink
    self.openedAt = openedAt
  }
}

/// A subscriber as operators see it.
package struct SubscriberSummary: Sendable {
  package var sink: SinkDescription
  package var patterns: [String]
  package var subscriptionCount: Int
  package var position: Position
  /// How many offsets lie between it and the head.
  package var lag: UInt64
  package var state: String
  package var connectedSeconds: Int
  package var sentMessages: UInt64
}
