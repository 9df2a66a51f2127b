import DequeModule
package import NIOCore
package import StreamLog
package import StreamStores
package import WireFormat

package struct HubSettings: Sendable {
  /// Most commits fanned out in one go.
  package var burstMessages = 1024
  /// A page of a reader that is behind.
  package var pageMessages = 256
  package var pageBytes = 64 << 10
  /// Most bytes of messages in one answer to a poll.
  package var answerBytes = 1 << 20
  /// Pages read in one go, so that readers that are behind hold nobody up.
  package var pagesPerTick = 16
  /// A subscriber that takes nothing for this long is closed.
  package var stalledSeconds = 60
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
  let settings: HubSettings
  let ledger: MemoryLedger
  /// Nanoseconds of the store's monotonic clock.
  let clock: @Sendable () -> UInt64
  var encodings: [any StreamEncoding] = []

  /// How far this loop has fanned out.
  package internal(set) var cursor: Offset
  var follower = -1
  var isFollowing = false
  var isTickScheduled = false
  var isWorking = false
  var burst: UInt32 = 0
  var touched: ContiguousArray<Int32> = []
  /// Runs beyond a subscriber's first, in one burst.
  var overflow: [Int32: [Range<Int>]] = [:]

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

  package init(
    eventLoop: any EventLoop, store: any StreamStore, settings: HubSettings, ledger: MemoryLedger,
    clock: @escaping @Sendable () -> UInt64
  ) {
    self.eventLoop = eventLoop
    self.store = store
    self.settings = settings
    self.ledger = ledger
    self.clock = clock
    cursor = store.tape.head
    seconds = Int32(truncatingIfNeeded: clock() / 1_000_000_000)
    let handle = HubHandle(self)
    follower = store.tape.addFollower { handle.executeLater { $0.tick() } }
  }

  /// Adds an encoding. - Returns: its number, for `subscribe`.
  package func register(_ encoding: any StreamEncoding) -> Int {
    encodings.append(encoding)
    return encodings.count - 1
  }

  package func encoding(_ number: Int) -> any StreamEncoding { encodings[number] }

  package func position(at offset: Offset) -> Position { store.tape.lineage.position(offset) }

  // MARK: Subscribing

  package struct Request {
    package var patterns: [TopicPattern]
    /// nil: from now on.
    package var start: ReadStart?
    package var encoding: Int
    package var maxMessages: Int
    package var heartbeatSeconds: Int

    package init(
      patterns: [TopicPattern], start: ReadStart?, encoding: Int, maxMessages: Int = .max, heartbeatSeconds: Int
    ) {
      self.patterns = patterns
      self.start = start
      self.encoding = encoding
      self.maxMessages = maxMessages
      self.heartbeatSeconds = heartbeatSeconds
    }
  }

  /// Adds a subscriber. It hears `opened` or `refused` before anything else, perhaps before this returns.
  package func subscribe(_ request: Request, sink: any SubscriberSink) -> SubscriberHandle {
    let handle = allocate(request, sink: sink)
    if let start = request.start {
      resolve(start, request.patterns, for: handle) { hub, result in hub.open(handle, result) }
    } else {
      catchUpToHead()
      open(
        handle,
        .success(
          StartPoint(
            offset: cursor, subscriptions: request.patterns.map { Subscription($0, from: cursor) },
            memory: ReadMemory(began: 0))),
        isResuming: false)
    }
    return handle
  }

  private func allocate(_ request: Request, sink: any SubscriberSink) -> SubscriberHandle {
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

  private func open(_ handle: SubscriberHandle, _ result: Result<StartPoint, StoreRefusal>, isResuming: Bool = true) {
    guard let subscriber = subscriber(handle) else { return }
    switch result {
    case .failure(let refusal):
      release(handle)
      subscriber.sink.refused(refusal)
    case .success(let start):
      subscriber.memory = start.memory
      subscriber.rewindThrough = start.rewindThrough
      hot[Int(handle.slot)].position = start.offset
      add(start.subscriptions, to: subscriber, slot: handle.slot)
      hot[Int(handle.slot)].state = .reading
      if isResuming {
        subscriber.isResuming = true
        subscriber.awaitingCaughtUp.append(nil)
      }
      subscriber.sink.opened(at: start.offset, isRewinding: start.rewindThrough > 0)
      if let gap = start.gap { announce(gap, to: handle, through: start.offset) }
      settle(handle)
      let waiting = subscriber.waitingToOpen
      subscriber.waitingToOpen = []
      for command in waiting { command(self) }
    }
  }

  /// Adds subscriptions in mid-connection. `start` nil: from now on. `done` runs when their reading begins, with the
  /// subscriber's position then; the backlog comes after it.
  package func add(
    _ patterns: [TopicPattern], start: ReadStart?, ref: Ref?, to handle: SubscriberHandle,
    done: @escaping (Result<Offset, StoreRefusal>) -> Void
  ) {
    guard let subscriber = subscriber(handle) else { return }
    guard hot[Int(handle.slot)].state != .opening else {
      subscriber.waitingToOpen.append { hub in hub.add(patterns, start: start, ref: ref, to: handle, done: done) }
      return
    }
    guard let start else {
      catchUpToHead()
      guard isCurrent(handle) else { return }
      leaveBurst(handle.slot)
      // What is subscribed already and has begun gains nothing.
      let new = patterns.filter { pattern in
        !subscriber.subscriptions.list.contains { $0.pattern == pattern && $0.from <= cursor }
      }
      add(new.map { Subscription($0, from: cursor) }, to: subscriber, slot: handle.slot)
      return done(.success(position(of: handle)))
    }
    let done = NIOLoopBound(done, eventLoop: eventLoop)
    resolve(start, patterns, for: handle) { hub, result in hub.takeBack(handle, ref: ref, result, done.value) }
  }

  /// A subscriber's reading goes back to where its new subscriptions begin.
  private func takeBack(
    _ handle: SubscriberHandle, ref: Ref?, _ result: Result<StartPoint, StoreRefusal>,
    _ done: (Result<Offset, StoreRefusal>) -> Void
  ) {
    guard let subscriber = subscriber(handle) else { return }
    let start: StartPoint
    switch result {
    case .failure(let refusal): return done(.failure(refusal))
    case .success(let point): start = point
    }
    let position = position(of: handle)
    let wasReading = hot[Int(handle.slot)].state != .live
    subscriber.memory =
      wasReading
      ? ReadMemory(
        began: max(subscriber.memory.began, start.memory.began), outstanding: subscriber.memory.outstanding)
      : start.memory
    if start.offset < position { subscriber.subscriptions.takeBack(from: position) }
    add(start.subscriptions, to: subscriber, slot: handle.slot)
    subscriber.reading &+= 1
    let begin = min(position, start.offset)
    hot[Int(handle.slot)].position = begin
    hot[Int(handle.slot)].state = .reading
    subscriber.rewindThrough = max(subscriber.rewindThrough, start.rewindThrough)
    subscriber.isResuming = true
    subscriber.awaitingCaughtUp.append(ref)
    done(.success(begin))
    if var gap = start.gap {
      // Its id is a position to resume from, so it stands where this subscriber stands.
      gap.through = self.position(at: begin)
      announce(gap, to: handle, through: begin)
    }
    settle(handle)
  }

  /// Drops subscriptions. - Returns: whether there were any by these names.
  package func remove(_ patterns: [TopicPattern], from handle: SubscriberHandle) -> Bool {
    guard let subscriber = subscriber(handle) else { return false }
    leaveBurst(handle.slot)
    var found = false
    for pattern in patterns { found = drop(pattern, from: subscriber, slot: handle.slot) || found }
    return found
  }

  package func subscriptionCount(of handle: SubscriberHandle) -> Int {
    subscriber(handle)?.subscriptions.count ?? 0
  }

  /// Up to where the subscriber has been told everything it asked for.
  package func position(of handle: SubscriberHandle) -> Offset {
    guard isCurrent(handle) else { return cursor }
    let slot = hot[Int(handle.slot)]
    // In the middle of a burst a live subscriber may have been told more than the cursor says.
    return slot.state == .live ? max(cursor, slot.position) : slot.position
  }

  /// The connection is gone, or the transport is done with it.
  package func unsubscribe(_ handle: SubscriberHandle) {
    guard isCurrent(handle) else { return }
    release(handle)
  }

  /// The transport takes more again.
  package func ready(_ handle: SubscriberHandle) {
    guard isCurrent(handle), !hot[Int(handle.slot)].isReady else { return }
    hot[Int(handle.slot)].isReady = true
    hot[Int(handle.slot)].lastSent = seconds
    settle(handle)
  }

  /// The transport wrote something of its own and takes no more until it calls `ready`.
  package func blocked(_ handle: SubscriberHandle) {
    guard let subscriber = subscriber(handle), hot[Int(handle.slot)].isReady else { return }
    if hot[Int(handle.slot)].state == .live {
      hot[Int(handle.slot)].position = cursor
      hot[Int(handle.slot)].state = .reading
      subscriber.memory = ReadMemory(began: 0)
    }
    stall(handle.slot)
  }

  /// Something else was sent to the subscriber, so no heartbeat is due for a while.
  package func touched(_ handle: SubscriberHandle) {
    guard isCurrent(handle), hot[Int(handle.slot)].isReady else { return }
    hot[Int(handle.slot)].lastSent = seconds
  }

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

  private func add(_ subscriptions: [Subscription], to subscriber: Subscriber, slot: Int32) {
    for subscription in subscriptions {
      interest.add(slot, subscription.pattern, before: subscriber.subscriptions)
      subscriber.subscriptions.add(subscription)
    }
    counters.subscriptions += subscriptions.count
  }

  private func drop(_ pattern: TopicPattern, from subscriber: Subscriber, slot: Int32) -> Bool {
    let before = subscriber.subscriptions.list
    guard subscriber.subscriptions.remove(pattern) else { return false }
    let dropped = before.count - subscriber.subscriptions.count
    interest.remove(slot, pattern, count: dropped, after: subscriber.subscriptions)
    counters.subscriptions -= dropped
    // Gaps on their way keep their beginnings, under the new numbers.
    let kept = before.indices.filter { before[$0].pattern != pattern }
    var outstanding: [Int: Offset] = [:]
    for (new, old) in kept.enumerated() { outstanding[new] = subscriber.memory.outstanding[old] }
    subscriber.memory.outstanding = outstanding
    subscriber.reading &+= 1
    return true
  }

  /// Forgets a subscriber. Its slot is free for another at once, or after the work under way.
  func release(_ handle: SubscriberHandle) {
    let slot = Int(handle.slot)
    guard let subscriber = cold[slot] else { return }
    for pattern in Set(subscriber.subscriptions.list.map(\.pattern)) {
      _ = drop(pattern, from: subscriber, slot: handle.slot)
    }
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

  private func resolve(
    _ start: ReadStart, _ patterns: [TopicPattern], for handle: SubscriberHandle,
    _ body: @escaping @Sendable (Hub, Result<StartPoint, StoreRefusal>) -> Void
  ) {
    let hub = HubHandle(self)
    store.resolve(start, patterns: patterns) { result in hub.execute { body($0, result) } }
  }
}

/// A hub that may be held anywhere and entered on its loop only.
package struct HubHandle: Sendable {
  package let eventLoop: any EventLoop
  private let hub: NIOLoopBound<Hub>

  /// - Precondition: on the hub's loop.
  package init(_ hub: Hub) {
    eventLoop = hub.eventLoop
    self.hub = NIOLoopBound(hub, eventLoop: hub.eventLoop)
  }

  /// Runs on the hub's loop: now if that is where the caller is, else soon.
  package func execute(_ body: @escaping @Sendable (Hub) -> Void) {
    if eventLoop.inEventLoop {
      body(hub.value)
    } else {
      eventLoop.execute { body(hub.value) }
    }
  }

  /// Runs on the hub's loop, never before the caller returns.
  func executeLater(_ body: @escaping @Sendable (Hub) -> Void) {
    eventLoop.execute { body(hub.value) }
  }

  /// Runs on the hub's loop and hands back what it returns.
  package func submit<Value: Sendable>(_ body: @escaping @Sendable (Hub) -> Value) async throws -> Value {
    try await eventLoop.submit { body(hub.value) }.get()
  }
}
