import DequeModule
import StreamLog

/// Where readers begin, and pages from the topics' histories.
extension MemoryState {
  private var beginnings: Beginnings { Beginnings(lineage: lineage, head: head, lossClock: lossClock) }

  mutating func resolve(_ start: ReadStart, patterns: [TopicPattern], now: Instant) throws(StoreRefusal) -> StartPoint {
    switch start {
    case .since(let text): beginnings.since(text, patterns) ?? fromOldest(patterns, asGap: true, now: now)
    case .earliest: fromOldest(patterns, asGap: false, now: now)
    case .rewind(let count): try rewound(patterns, count: count, now: now)
    }
  }

  private mutating func fromOldest(_ patterns: [TopicPattern], asGap: Bool, now: Instant) -> StartPoint {
    var oldest: Offset?
    var lostThrough: [TopicName: Offset] = [:]
    for pattern in patterns {
      forEachSlot(pattern, newerThan: 0, now: now) { state, slot in
        let record = state.topics[slot]
        if let first = record.history.first { oldest = min(oldest ?? .max, first.offset) }
        if pattern.exact != nil { lostThrough[record.topic] = record.lostThrough }
        return true
      }
    }
    return beginnings.fromOldest(patterns, asGap: asGap, oldest: oldest, lostThrough: lostThrough)
  }

  private mutating func rewound(
    _ patterns: [TopicPattern], count: Int, now: Instant
  ) throws(StoreRefusal) -> StartPoint {
    var starts: [[TopicName: Offset]] = []
    var topicsLeft = settings.rewindTopics
    for pattern in patterns {
      var found: [TopicName: Offset] = [:]
      forEachSlot(pattern, newerThan: 0, now: now) { state, slot in
        let history = state.topics[slot].history
        guard count > 0, !history.isEmpty else { return true }
        found[state.topics[slot].topic] = history[max(0, history.count - count)].predecessor
        return found.count <= topicsLeft
      }
      topicsLeft -= found.count
      guard topicsLeft >= 0 else { throw .tooManyTopicsToRewind(limit: settings.rewindTopics) }
      starts.append(found)
    }
    return beginnings.rewound(patterns, starts: starts)
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

  /// A page of the window (after, through], where everything above `through` is on the tape.
  mutating func historyPage(_ request: ReadRequest, through: Offset, tape: Tape, now: Instant) -> Page {
    var merge = HistoryMerge(through: through)
    var losses = HistoryLosses(request, through: through, lineage: lineage)
    for (index, subscription) in request.subscriptions.list.enumerated() {
      forEachSlot(subscription.pattern, newerThan: request.after, now: now) { state, slot in
        let record = state.topics[slot]
        merge.add(record.history, from: record.index(after: request.after))
        losses.add(record.facts, to: index)
        return true
      }
      if let topic = subscription.pattern.exact {
        if topics.slot(of: topic) == nil { losses.addForgotten(forgotten.loss(of: topic), to: index) }
      } else {
        losses.addForgotten(forgotten.highest, to: index)
      }
    }
    if !losses.unprovenTopics.isEmpty {
      losses.prove(tape.firstEntries(of: losses.unprovenTopics).mapValues { ($0.predecessor, $0.seq) })
    }
    var page = PageBuilder(request: request, gaps: losses.gaps)
    while let message = merge.next() {
      guard page.add(message) else { return page.finish() }
    }
    return page.finish(through: through)
  }
}
