package import StreamLog
import StreamStores

/// What time and operators ask of a hub.
extension Hub {
  /// Keeps time: heartbeats for the silent, an end for the stalled. Call it once a second.
  ///
  /// - Parameter seconds: of the hub's clock.
  package func beat(seconds now: Int32) {
    seconds = now
    // Nobody wakes the loop for what it does not take; heartbeats say how far it is.
    if isFollowing, store.tape.head > cursor { tick() }
    for slot in hot.indices {
      let entry = hot[slot]
      switch entry.state {
      // An answer without messages says that there are none: it is not given while they are looked for.
      case .reading where entry.isPoll: continue
      case .live, .reading, .ahead:
        guard entry.isReady, entry.heartbeatSeconds > 0, now - entry.lastSent >= entry.heartbeatSeconds,
          let subscriber = cold[slot]
        else { continue }
        hot[slot].lastSent = now
        let handle = handle(of: Int32(slot))
        subscriber.sink.heartbeat(at: position(of: handle))
      case .free, .gone, .opening:
        continue
      }
    }
    relieveMemory()
  }

  /// While unsent bytes are more than they may be, those go that stalled longest. One that merely takes long is let be:
  /// its connection ends it when nothing moves.
  private func relieveMemory() {
    guard ledger.unsent > settings.unsentBytes else { return }
    var stalled: [(since: Int32, handle: SubscriberHandle)] = []
    for slot in hot.indices where !hot[slot].isReady && cold[slot] != nil {
      stalled.append((hot[slot].lastSent, handle(of: Int32(slot))))
    }
    stalled.sort { $0.since < $1.since }
    for (_, handle) in stalled {
      guard ledger.unsent > settings.unsentBytes else { return }
      dismiss(handle, .memory)
    }
  }

  /// Ends a subscriber from this side. - Returns: whether it was still there.
  @discardableResult
  package func dismiss(_ handle: SubscriberHandle, _ reason: DismissalReason) -> Bool {
    guard let subscriber = subscriber(handle) else { return false }
    counters.dismissals[reason.name, default: 0] += 1
    release(handle)
    subscriber.sink.dismissed(reason)
    return true
  }

  /// Ends every subscriber for which `reason` has one, or the first `limit` of them. - Returns: how many.
  package func dismissAll(
    limit: Int = .max, _ reason: (any SubscriberSink, SubscriptionSet) -> DismissalReason?
  ) -> Int {
    var count = 0
    for slot in hot.indices {
      guard count < limit else { break }
      let handle = handle(of: Int32(slot))
      guard let subscriber = subscriber(handle), let reason = reason(subscriber.sink, subscriber.subscriptions)
      else { continue }
      if dismiss(handle, reason) { count += 1 }
    }
    return count
  }

  package var subscribers: [SubscriberSummary] {
    let lineage = store.tape.lineage
    let head = store.tape.head
    return hot.indices.compactMap { slot in
      let handle = handle(of: Int32(slot))
      guard let subscriber = subscriber(handle) else { return nil }
      let position = position(of: handle)
      return SubscriberSummary(
        sink: subscriber.sink.description, patterns: subscriber.subscriptions.list.prefix(5).map(\.pattern.string),
        subscriptionCount: subscriber.subscriptions.count, position: lineage.position(position),
        lag: lineage.count(after: position, through: head),
        state: hot[slot].state == .live ? "live" : hot[slot].state == .reading ? "catching_up" : "waiting",
        connectedSeconds: Int(seconds - subscriber.openedAt), sentMessages: hot[slot].sentMessages)
    }
  }

  package var currentCounters: HubCounters {
    var result = counters
    result.reading = hot.count { $0.state == .reading }
    return result
  }

  /// How many subscribers here take a topic.
  package func subscriberCount(of topic: TopicName) -> Int { interest.subscribers(of: topic) }
}

extension DismissalReason {
  /// The label under which metrics count it.
  var name: String {
    switch self {
    case .memory: "memory"
    case .disconnected: "disconnected"
    case .draining: "draining"
    }
  }
}
