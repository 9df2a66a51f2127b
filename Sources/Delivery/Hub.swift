import DequeModule
package import LoopTurns
package import NIOCore
package import StreamLog
package import StreamStores
import WireFormat

package struct HubSettings: Sendable {
  /// Most commits looked at, and most bytes of messages fanned out, in one go.
  package var burstMessages = 1024
  package var burstBytes = 64 << 10
  /// A page of a reader that is behind.
  package var pageMessages = 256
  package var pageBytes = 64 << 10
  /// Most bytes of messages in one answer to a poll.
  package var answerBytes = 1 << 20
  /// Pages read in one go, so that readers that are behind hold nobody up.
  package var pagesPerTick = 16
  /// When unsent bytes are more than this, those that stalled longest are closed.
  package var unsentBytes = 256 << 20

  package init() {}
}

/// One event loop's subscribers: who wants a message here, and from which position.
///
/// A wake-up is a hint; the log is the truth. Nothing is queued per subscriber: each is a position. One that follows
/// the loop's cursor is *live* and gets each burst as it comes; any other *reads* pages from where it stands until it
/// stands at the cursor. Touched only by its loop.
package final class Hub {
  package let eventLoop: any EventLoop
  package let store: any StreamStore
  let turns: LoopTurns
  let settings: HubSettings
  let ledger: MemoryLedger
  let clock: @Sendable () -> UInt64
  /// What every subscriber of an encoding shares, by the encoding's number.
  var arenas: [Arena] = []

  /// How far this loop has fanned out.
  package internal(set) var cursor: Offset
  var follower = -1
  var isFollowing = false
  var isTickScheduled = false
  var isWorking = false
  /// The burst under way, and what is kept from one to the next so that a burst allocates nothing for a subscriber.
  let burst = Burst()

  var hot: ContiguousArray<HotSlot> = []
  var cold: ContiguousArray<Subscriber?> = []
  var freeSlots: [Int32] = []
  var goneSlots: [Int32] = []
  var interest = TopicInterest()
  /// Subscribers that have a page to read, in turn.
  var readers: Deque<SubscriberHandle> = []
  var ahead: [SubscriberHandle] = []
  var counters = HubCounters()
  /// The clock in seconds, kept by `beat`.
  var seconds: Int32 = 0

  /// - Parameters:
  ///   - turns: this loop's.
  ///   - loops: all that publish, this one too.
  ///   - clock: nanoseconds of the store's monotonic clock.
  package init(
    eventLoop: any EventLoop, turns: LoopTurns, among loops: [any EventLoop], store: any StreamStore,
    settings: HubSettings, ledger: MemoryLedger, clock: @escaping @Sendable () -> UInt64
  ) {
    self.eventLoop = eventLoop
    self.turns = turns
    self.store = store
    self.settings = settings
    self.ledger = ledger
    self.clock = clock
    cursor = store.tape.head
    seconds = Int32(truncatingIfNeeded: clock() / 1_000_000_000)
    let handle = HubHandle(self)
    follower = store.tape.addFollower { handle.wake(from: loops) }
  }

  /// Adds an encoding. - Returns: its number, for `subscribe`.
  package func register(_ encoding: any StreamEncoding) -> Int {
    arenas.append(Arena(encoding))
    return arenas.count - 1
  }

  package func encoding(_ number: Int) -> any StreamEncoding { arenas[number].encoding }

  package func position(at offset: Offset) -> Position { store.tape.lineage.position(offset) }

  // MARK: Slots

  func isCurrent(_ handle: SubscriberHandle) -> Bool {
    let slot = hot[Int(handle.slot)]
    return slot.generation == handle.generation && slot.state != .free && slot.state != .gone
  }

  func subscriber(_ handle: SubscriberHandle) -> Subscriber? {
    isCurrent(handle) ? cold[Int(handle.slot)] : nil
  }

  func handle(of slot: Int32) -> SubscriberHandle {
    SubscriberHandle(slot: slot, generation: hot[Int(slot)].generation)
  }

  /// A slot for a subscriber that waits to begin.
  func allocate(_ request: Request, sink: any SubscriberSink) -> SubscriberHandle {
    let slot: Int32
    if let reused = freeSlots.popLast() {
      slot = reused
    } else {
      slot = Int32(hot.count)
      hot.append(HotSlot())
      cold.append(nil)
    }
    let generation = hot[Int(slot)].generation
    hot[Int(slot)] = HotSlot()
    hot[Int(slot)].generation = generation
    hot[Int(slot)].state = .opening
    hot[Int(slot)].encoding = UInt8(request.encoding)
    hot[Int(slot)].maxMessages = Int32(clamping: request.maxMessages)
    hot[Int(slot)].heartbeatSeconds = Int32(request.heartbeatSeconds)
    hot[Int(slot)].lastSent = seconds
    cold[Int(slot)] = Subscriber(sink: sink, openedAt: seconds)
    counters.subscribers += 1
    follow()
    return SubscriberHandle(slot: slot, generation: generation)
  }

  /// Forgets a subscriber. Its slot is free for another at once, or after the work under way.
  func release(_ handle: SubscriberHandle) {
    let slot = Int(handle.slot)
    guard let subscriber = cold[slot] else { return }
    for pattern in Set(subscriber.subscriptions.list.map(\.pattern)) { removeInterest(handle.slot, pattern) }
    counters.subscriptions -= subscriber.subscriptions.count
    setUnsent(0, of: subscriber)
    counters.subscribers -= 1
    hot[slot].state = .gone
    cold[slot] = nil
    goneSlots.append(handle.slot)
    if !isWorking { freeGoneSlots() }
  }

  func freeGoneSlots() {
    for slot in goneSlots {
      hot[Int(slot)].generation &+= 1
      hot[Int(slot)].state = .free
      freeSlots.append(slot)
    }
    goneSlots.removeAll(keepingCapacity: true)
    if counters.subscribers == 0, isFollowing {
      isFollowing = false
      _ = store.tape.setFollowing(follower, false)
    }
  }

  /// A loop without subscribers does not follow the tape; the first one makes it jump to the head.
  private func follow() {
    guard !isFollowing else { return }
    isFollowing = true
    cursor = store.tape.setFollowing(follower, true)
    _ = store.tape.rest(follower, at: cursor)
  }
}
