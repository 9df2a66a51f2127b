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
  private mutating func fromOldest(_ patterns: [TopicPattern], now: Instant, asGap: Bool) -> StartPoint {
    var oldest = head + 1
    var subscriptions: [Subscription] = []
    for pattern in patterns {
      var from: Offset = 0
      forEachSlot(pattern, newerThan: 0, now: now) { state, slot in
        if let first = state.topics[slot].history.first { oldest = min(oldest, first.offset) }
        if pattern.exact != nil { from = state.topics[slot].lostThrough }
      }
      subscriptions.append(Subscription(pattern, from: from))
    }
    let offset = oldest - 1
    return StartPoint(
      offset: offset, subscriptions: subscriptions,
      gap: asGap ? Gap(topic: nil, after: nil, through: lineage.position(offset), seq: nil, reason: .epoch) : nil,
      memory: ReadMemory(began: lossClock, forgiven: lossClock))
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
        guard count > 0, !history.isEmpty else { return }
        starts[state.topics[slot].topic] = history[max(0, history.count - count)].predecessor
      }
      topicsLeft -= starts.count
      guard topicsLeft >= 0 else { throw .tooManyTopicsToRewind(limit: settings.rewindTopics) }
      offset = min(offset, starts.values.min() ?? head)
      subscription.starts = starts
      subscriptions.append(subscription)
    }
    return StartPoint(
      offset: offset, subscriptions: subscriptions, memory: ReadMemory(began: lossClock, forgiven: lossClock),
      rewindThrough: head)
  }

  /// Calls `body` with the slot of each record that matches and has something above `offset`, its age applied.
  private mutating func forEachSlot(
    _ pattern: TopicPattern, newerThan offset: Offset, now: Instant, _ body: (inout MemoryState, Int32) -> Void
  ) {
    if let topic = pattern.exact {
      if let slot = topics.slot(of: topic) {
        trim(slot, now: now)
        body(&self, slot)
      }
      return
    }
    var slot = topics.newest
    while slot >= 0, topics[slot].lastOffset > offset {
      if pattern.matches(topics[slot].topic) {
        trim(slot, now: now)
        body(&self, slot)
      }
      slot = topics[slot].older
    }
  }

  // MARK: Pages

  /// What one subscription can no longer be sent.
  private struct Loss {
    var through: Offset
    var seq: UInt64?
    var reason: Gap.Reason
  }

  /// A page of the window (after, through], where everything above `through` is on the tape.
  mutating func historyPage(_ request: ReadRequest, through: Offset, tape: Tape, now: Instant) -> Page {
    var page = HistoryMerge(request: request, through: through)
    var unproven: [(index: Int, topic: TopicName, needs: Offset)] = []
    var losses: [Int: Loss] = [:]
    func add(_ loss: Loss, to index: Int) {
      if let known = losses[index], known.through >= loss.through { return }
      losses[index] = loss
    }
    for (index, subscription) in request.subscriptions.list.enumerated() {
      forEachSlot(subscription.pattern, newerThan: request.after, now: now) { state, slot in
        let record = state.topics[slot]
        page.add(record)
        let needs = subscription.needs(record.topic, after: request.after)
        guard record.lostThrough > needs, record.lostAt > request.memory.forgiven else { return }
        if record.lostThrough <= through {
          let reason: Gap.Reason =
            record.lostThrough <= record.erasedThrough
            ? .deleted : record.lostAt > request.memory.began ? .slow : .expired
          add(
            Loss(
              through: record.lostThrough, seq: subscription.pattern.exact == nil ? nil : record.lostSeq, reason: reason),
            to: index)
        } else {
          unproven.append((index, record.topic, needs))
        }
      }
      // Topics nothing is known of any more.
      let unknown: (through: Offset, lostAt: UInt64)
      if let topic = subscription.pattern.exact {
        unknown = topics.slot(of: topic) == nil ? forgotten.loss(of: topic) : (0, 0)
      } else {
        unknown = forgotten.highest
      }
      let needs = max(request.after, subscription.from, subscription.through)
      if unknown.through > needs, unknown.lostAt > request.memory.forgiven {
        add(
          Loss(
            through: min(unknown.through, through), seq: nil,
            reason: unknown.lostAt > request.memory.began ? .slow : .expired),
          to: index)
      }
    }
    if !unproven.isEmpty {
      // Their loss goes on above the window, where the tape has them: its first entry says what came before it.
      let first = tape.firstEntries(of: Set(unproven.map(\.topic)))
      for (index, topic, needs) in unproven {
        guard let entry = first[topic], entry.predecessor > needs else { continue }
        let slot = topics.slot(of: topic)
        let isErased = slot.map { entry.predecessor <= topics[$0].erasedThrough } ?? false
        let isSlow = slot.map { topics[$0].lostAt > request.memory.began } ?? false
        add(
          Loss(
            through: entry.predecessor,
            seq: request.subscriptions.list[index].pattern.exact == nil || entry.seq == 1 ? nil : entry.seq - 1,
            reason: isErased ? .deleted : isSlow ? .slow : .expired),
          to: index)
      }
    }
    return page.finish(
      gaps: losses.map { index, loss in
        let subscription = request.subscriptions.list[index]
        let needs =
          subscription.pattern.exact.map { subscription.needs($0, after: request.after) }
          ?? max(request.after, subscription.through)
        return (
          index,
          PageGap(
            pattern: subscription.pattern, after: request.memory.outstanding[index] ?? needs, through: loss.through,
            seq: loss.seq, reason: loss.reason)
        )
      })
  }
}
