import NIOCore
package import StreamLog
package import StreamStores
package import WireFormat

/// How subscribers come, change what they want, and go.
extension Hub {
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
      resolve(start, request, for: handle)
    } else {
      skipUntaken()
      let now = store.tape.head
      open(
        handle,
        .success(
          StartPoint(
            offset: now, subscriptions: request.patterns.map { Subscription($0, from: now) },
            memory: ReadMemory(began: 0))),
        isResuming: false)
    }
    return handle
  }

  /// A stream that the store cannot judge now waits until it can; a poll is told so.
  private func resolve(_ start: ReadStart, _ request: Request, for handle: SubscriberHandle) {
    resolve(start, request.patterns, for: handle) { hub, result in
      guard case .failure(.unavailable) = result, case .since = start, request.maxMessages == .max else {
        return hub.open(handle, result)
      }
      hub.eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) {
        if hub.isCurrent(handle) { hub.resolve(start, request, for: handle) }
      }
    }
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
        subscriber.backlogEnd = store.tape.head
        subscriber.awaitingCaughtUp.append(nil)
      }
      subscriber.sink.opened(at: start.gap == nil ? start.offset : nil, isRewinding: start.rewindThrough > 0)
      if let gap = start.gap { announce(gap, to: handle, through: start.offset) }
      settle(handle)
      let waiting = subscriber.waitingToOpen
      subscriber.waitingToOpen = []
      for command in waiting { command(self) }
    }
  }

  /// Adds subscriptions in mid-connection. `start` nil: from now on. `done` runs when their reading begins, with the
  /// subscriber's position then, nil if a gap that says so comes next; the backlog comes after it.
  package func add(
    _ patterns: [TopicPattern], start: ReadStart?, ref: Ref?, to handle: SubscriberHandle,
    done: @escaping (Result<Offset?, StoreRefusal>) -> Void
  ) {
    guard let subscriber = subscriber(handle) else { return }
    guard hot[Int(handle.slot)].state != .opening else {
      subscriber.waitingToOpen.append { hub in hub.add(patterns, start: start, ref: ref, to: handle, done: done) }
      return
    }
    guard let start else {
      skipUntaken()
      let now = store.tape.head
      // What is subscribed already and has begun gains nothing.
      let new = patterns.filter { pattern in
        !subscriber.subscriptions.list.contains { $0.pattern == pattern && $0.from <= now }
      }
      guard !new.isEmpty else { return done(.success(position(of: handle))) }
      let begin = StartPoint(
        offset: now, subscriptions: new.map { Subscription($0, from: now) }, memory: ReadMemory(began: 0))
      return takeBack(handle, begin, done)
    }
    let done = NIOLoopBound(done, eventLoop: eventLoop)
    resolve(start, patterns, for: handle) { hub, result in
      switch result {
      case .failure(let refusal):
        if hub.isCurrent(handle) { done.value(.failure(refusal)) }
      case .success(let start):
        guard let subscriber = hub.subscriber(handle) else { return }
        subscriber.rewindThrough = max(subscriber.rewindThrough, start.rewindThrough)
        subscriber.isResuming = true
        subscriber.backlogEnd = hub.store.tape.head
        subscriber.awaitingCaughtUp.append(ref)
        hub.takeBack(handle, start, done.value)
      }
    }
  }

  /// A subscriber's reading goes back to where its new subscriptions begin, if that is below where it stands.
  private func takeBack(
    _ handle: SubscriberHandle, _ start: StartPoint, _ done: (Result<Offset?, StoreRefusal>) -> Void
  ) {
    guard let subscriber = subscriber(handle) else { return }
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
    done(.success(start.gap == nil ? begin : nil))
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
    let before = subscriber.subscriptions
    let dropped = subscriber.subscriptions.remove(Set(patterns))
    guard !dropped.isEmpty else { return false }
    for pattern in dropped { removeInterest(handle.slot, pattern) }
    counters.subscriptions -= before.count - subscriber.subscriptions.count
    // What a subscription was sent counts as sent for the others, too, its gaps included: one that is still on its way
    // is announced though the subscription is gone.
    for (index, subscription) in before.list.enumerated()
    where dropped.contains(subscription.pattern) && !subscriber.subscriptions.isEmpty {
      let position = position(of: handle)
      if let after = subscriber.memory.outstanding[index], after < min(subscription.through, position) {
        subscriber.owedGaps.append(
          OwedGap(
            topic: subscription.pattern, after: store.tape.lineage.position(after), through: position, reason: .slow))
      }
    }
    // The others' keep their beginnings, under the new numbers.
    let kept = before.list.indices.filter { !dropped.contains(before.list[$0].pattern) }
    var outstanding: [Int: Offset] = [:]
    for (new, old) in kept.enumerated() { outstanding[new] = subscriber.memory.outstanding[old] }
    subscriber.memory.outstanding = outstanding
    subscriber.reading &+= 1
    return true
  }

  package func subscriptionCount(of handle: SubscriberHandle) -> Int {
    subscriber(handle)?.subscriptions.count ?? 0
  }

  /// How many of them have wildcards.
  package func patternCount(of handle: SubscriberHandle) -> Int {
    subscriber(handle)?.subscriptions.patternCount ?? 0
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
    if let subscriber = cold[Int(handle.slot)] { setUnsent(0, of: subscriber) }
    settle(handle)
  }

  /// The transport takes no more until it calls `ready`: it wrote something of its own, or what it was handed has not
  /// left after all.
  ///
  /// - Parameter unsent: how much of what it was handed.
  package func blocked(_ handle: SubscriberHandle, unsent: Int = 0) {
    if isCurrent(handle) { stall(handle.slot, unsent: unsent) }
  }

  /// Something else was sent to the subscriber, so no heartbeat is due for a while.
  package func touched(_ handle: SubscriberHandle) {
    guard isCurrent(handle), hot[Int(handle.slot)].isReady else { return }
    hot[Int(handle.slot)].lastSent = seconds
  }

  // MARK: What is subscribed

  private func add(_ subscriptions: [Subscription], to subscriber: Subscriber, slot: Int32) {
    for subscription in subscriptions {
      if !subscriber.subscriptions.contains(subscription.pattern) { addInterest(slot, subscription.pattern) }
      subscriber.subscriptions.add(subscription)
    }
    counters.subscriptions += subscriptions.count
  }

  /// From now on what is committed there wakes this loop.
  private func addInterest(_ slot: Int32, _ pattern: TopicPattern) {
    guard interest.add(slot, pattern) else { return }
    if store.tape.watch(follower, for: pattern.exact) > cursor { scheduleTick() }
  }

  func removeInterest(_ slot: Int32, _ pattern: TopicPattern) {
    if interest.remove(slot, pattern) { store.tape.unwatch(follower, for: pattern.exact) }
  }

  private func resolve(
    _ start: ReadStart, _ patterns: [TopicPattern], for handle: SubscriberHandle,
    _ body: @escaping @Sendable (Hub, Result<StartPoint, StoreRefusal>) -> Void
  ) {
    let hub = HubHandle(self)
    store.resolve(start, patterns: patterns) { result in hub.execute { body($0, result) } }
  }
}
