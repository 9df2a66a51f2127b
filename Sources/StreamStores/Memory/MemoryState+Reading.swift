import DequeModule
import StreamLog
import WireFormat

/// Where readers begin, and pages from the topics' histories.
extension MemoryState {
  // MARK: Beginning

  mutating func resolve(_ start: ReadStart, patterns: [TopicPattern], now: Instant) throws(StoreRefusal) -> StartPoint {
    switch start {
    case .since(let text):
      guard let position = Position(text) else { return fromOldest(patterns, now: now, asGap: true) }
      switch lineage.judge(position, head: head) {
      case .good(let offset):
        return startPoint(patterns, offset: offset)
      case .pastEnd(let end):
        var point = startPoint(patterns, offset: end)
        point.gap = Gap(topic: nil, after: position, through: lineage.position(end), seq: nil, reason: .epoch)
        return point
      case .unknownEpoch:
        return fromOldest(patterns, now: now, asGap: true)
      }
    case .earliest:
      return fromOldest(patterns, now: now, asGap: false)
    case .rewind(let count):
      return try rewound(patterns, count: count, now: now)
    }
  }

  private func startPoint(_ patterns: [TopicPattern], offset: Offset) -> StartPoint {
    StartPoint(
      offset: offset, subscriptions: patterns.map { Subscription($0, from: offset) },
      memory: ReadMemory(began: lossClock))
  }

  /// Just before the oldest held message of what is subscribed; at the head if nothing is held.
  ///
  /// - Parameter asGap: whether the reader had read before, in a log nobody knows: it is told that, and of every loss
  ///   above where it begins; a reader that asked for the oldest held is told of neither.
  private mutating func fromOldest(_ patterns: [TopicPattern], now: Instant, asGap: Bool) -> StartPoint {
    var oldest = head + 1
    var subscriptions: [Subscription] = []
    for pattern in patterns {
      var from: Offset = 0
      forEachSlot(pattern, newerThan: 0, now: now) { state, slot in
        if let first = state.topics[slot].history.first { oldest = min(oldest, first.offset) }
        if pattern.exact != nil, !asGap { from = state.topics[slot].lostThrough }
        return true
      }
      subscriptions.append(Subscription(pattern, from: from, forgiven: asGap ? 0 : lossClock))
    }
    let offset = oldest - 1
    return StartPoint(
      offset: offset, subscriptions: subscriptions,
      gap: asGap ? Gap(topic: nil, after: nil, through: lineage.position(offset), seq: nil, reason: .epoch) : nil,
      memory: ReadMemory(began: lossClock))
  }

  private mutating func rewound(
    _ patterns: [TopicPattern], count: Int, now: Instant
  ) throws(StoreRefusal) -> StartPoint {
    var subscriptions: [Subscription] = []
    var offset = head
    var topicsLeft = settings.rewindTopics
    for pattern in patterns {
      var subscription = Subscription(pattern, from: head)
      var starts: [TopicName: Offset] = [:]
      forEachSlot(pattern, newerThan: 0, now: now) { state, slot in
        let history = state.topics[slot].history
        guard count > 0, !history.isEmpty else { return true }
        starts[state.topics[slot].topic] = history[max(0, history.count - count)].predecessor
        return starts.count <= topicsLeft
      }
      topicsLeft -= starts.count
      guard topicsLeft >= 0 else { throw .tooManyTopicsToRewind(limit: settings.rewindTopics) }
      offset = min(offset, starts.values.min() ?? head)
      subscription.starts = starts
      subscription.forgiven = lossClock
      subscriptions.append(subscription)
    }
    return StartPoint(
      offset: offset, subscriptions: subscriptions, memory: ReadMemory(began: lossClock), rewindThrough: head)
  }

  /// Calls `body` with the slot of each record that matches and has something above `offset`, its age applied, until it
  /// returns false.
  private mutating func forEachSlot(
    _ pattern: TopicPattern, newerThan offset: Offset, now: Instant, _ body: (inout MemoryState, Int32) -> Bool
  ) {
    if let topic = pattern.exact {
      if let slot = topics.slot(of: topic) {
        trim(slot, now: now)
        _ = body(&self, slot)
      }
      return
    }
    var slot = topics.newest
    while slot >= 0, topics[slot].lastOffset > offset {
      if pattern.matches(topics[slot].topic) {
        trim(slot, now: now)
        guard body(&self, slot) else { return }
      }
      slot = topics[slot].older
    }
  }

  // MARK: Pages

  /// What one subscription can no longer be sent, and after which offset.
  private struct Loss {
    var after: Offset
    var through: Offset
    var seq: UInt64?
    var reason: Gap.Reason
  }

  /// One gap a subscription: it begins where the first loss begins and stands where the last one ends.
  private struct Losses {
    private(set) var bySubscription: [Int: Loss] = [:]

    mutating func add(_ loss: Loss, to index: Int) {
      guard let known = bySubscription[index] else { return bySubscription[index] = loss }
      var wider = known.through >= loss.through ? known : loss
      wider.after = min(known.after, loss.after)
      bySubscription[index] = wider
    }
  }

  /// A page of the window (after, through], where everything above `through` is on the tape.
  mutating func historyPage(_ request: ReadRequest, through: Offset, tape: Tape, now: Instant) -> Page {
    var page = HistoryMerge(request: request, through: through)
    var unproven: [(index: Int, topic: TopicName)] = []
    var losses = Losses()
    for (index, subscription) in request.subscriptions.list.enumerated() {
      forEachSlot(subscription.pattern, newerThan: request.after, now: now) { state, slot in
        let record = state.topics[slot]
        page.add(record)
        guard record.lostAt > subscription.forgiven else { return true }
        if record.lostThrough > through {
          unproven.append((index, record.topic))
        } else if let loss = state.loss(record.lostThrough, record.lostSeq, of: slot, to: index, for: request) {
          losses.add(loss, to: index)
        }
        return true
      }
      if let loss = forgottenLoss(to: index, for: request, through: through) { losses.add(loss, to: index) }
    }
    if !unproven.isEmpty {
      // Their loss goes on above the window. The tape's first entry says what came before it; without an entry, or
      // with one that says no more, nothing proves that the window has none of the loss.
      let first = tape.firstEntries(of: Set(unproven.map(\.topic)))
      for (index, topic) in unproven {
        guard let slot = topics.slot(of: topic) else { continue }
        let entry = first[topic]
        let isKnown = (entry?.predecessor ?? .max) <= through
        let seq = entry.flatMap { isKnown && $0.seq > 1 ? $0.seq - 1 : nil }
        let lost = isKnown ? entry?.predecessor ?? through : through
        if let loss = loss(lost, seq, of: slot, to: index, for: request) { losses.add(loss, to: index) }
      }
    }
    return page.finish(
      gaps: losses.bySubscription.map { index, loss in
        (
          index,
          PageGap(
            pattern: request.subscriptions.list[index].pattern,
            after: min(loss.after, request.memory.outstanding[index] ?? .max), through: loss.through, seq: loss.seq,
            reason: loss.reason)
        )
      })
  }

  /// What a subscription misses of a topic whose messages up to `lost` can no longer be had.
  private func loss(
    _ lost: Offset, _ seq: UInt64?, of slot: Int32, to index: Int, for request: ReadRequest
  ) -> Loss? {
    let record = topics[slot]
    guard let missing = request.subscriptions.missing(record.topic, of: index, after: request.after, lost: lost) else {
      return nil
    }
    let isExact = request.subscriptions.list[index].pattern.exact != nil
    return Loss(
      after: missing.after, through: missing.through, seq: isExact && missing.through == lost ? seq : nil,
      reason: lost <= record.erasedThrough ? .deleted : record.lostAt > request.memory.began ? .slow : .expired)
  }

  /// What a subscription may miss of topics nothing is known of any more.
  private func forgottenLoss(to index: Int, for request: ReadRequest, through: Offset) -> Loss? {
    let subscription = request.subscriptions.list[index]
    let forgotten: (through: Offset, lostAt: UInt64)
    let missing: (after: Offset, through: Offset)?
    if let topic = subscription.pattern.exact {
      guard topics.slot(of: topic) == nil else { return nil }
      forgotten = self.forgotten.loss(of: topic)
      missing = request.subscriptions.missing(
        topic, of: index, after: request.after, lost: min(forgotten.through, through))
    } else {
      forgotten = self.forgotten.highest
      let (after, lost) = (subscription.needs(after: request.after), min(forgotten.through, through))
      missing = after < lost ? (after, lost) : nil
    }
    guard let missing, forgotten.lostAt > subscription.forgiven else { return nil }
    return Loss(
      after: missing.after, through: missing.through, seq: nil,
      reason: forgotten.lostAt > request.memory.began ? .slow : .expired)
  }
}
