import GatewayClient

/// Connecting subscribers and reading what comes to them.
extension LoadLoop {
  /// Handshakes begun between two looks at the sockets, so that answers do not wait for a storm's last connect.
  private static let connectsAtOnce = 32

  func connectMore() {
    var begun = 0
    while begun < Self.connectsAtOnce, handshakes < window, let spec = waiting.popFirst() {
      begun += 1
      connect(spec)
    }
  }

  private func connect(_ spec: SubscriberSpec) {
    // Loops do not know of each other's connections: together they come from every source alike.
    let source = target.sources[(connected * target.plan.threads + number) % target.sources.count]
    connected += 1
    let startedAt = StampClock.now
    do {
      let link = try Link(to: target.address, from: source, key: UInt64(subscribers.count), poller: poller)
      let subscriber = SubscriberConnection(
        number: subscribers.count, spec: spec, link: link, startedAt: startedAt)
      subscribers.append(subscriber)
      intake.completeness.addSubscriber()
      handshakes += 1
      if !link.isConnecting { ask(subscriber) }
    } catch {
      status.lost += 1
      status.faults.add("subscriber: \(error)")
      progressed()
    }
  }

  private func ask(_ subscriber: SubscriberConnection) {
    do {
      let spec = subscriber.spec
      try subscriber.link?.send(target.request(spec.transport, group: spec.group, since: spec.since), poller)
    } catch {
      lose(subscriber, "\(error)")
    }
  }

  func subscriberIsReady(_ index: Int, _ interest: Poller.Interest) {
    let subscriber = subscribers[index]
    guard subscriber.link != nil else { return }
    do {
      if interest.contains(.write) {
        if subscriber.link?.isConnecting == true {
          try subscriber.link?.connected(poller)
          return ask(subscriber)
        }
        try subscriber.link?.flush(poller)
      }
      guard interest.contains(.read), let count = try subscriber.link?.receive(into: buffer) else { return }
      try take(UnsafeRawBufferPointer(rebasing: buffer[..<count]), for: subscriber)
    } catch {
      lose(subscriber, "\(error)")
    }
  }

  @inline(__always)
  private func take(_ bytes: UnsafeRawBufferPointer, for subscriber: SubscriberConnection) throws {
    let now = StampClock.now
    let isLive = subscriber.spec.behind == 0
    intake.begin(subscriber: subscriber.number, group: subscriber.spec.group, recordsLatency: isLive, now: now)
    let isNextPollDue = try subscriber.read(bytes, into: &intake, accept: accept)
    if intake.taken > 0 {
      status.lastArrival = now
      status.lastProgress = now
      if subscriber.missed > 0 { catchUp(subscriber, by: intake.taken, now) }
    }
    if intake.sawCaughtUp, subscriber.missed > 0 {
      subscriber.missed = 0
      status.fellShort += 1
    }
    if !subscriber.isSubscribed, intake.sawHello || isNextPollDue { subscribed(subscriber, now) }
    if let reason = intake.takeSentAway() { throw StreamFault.sentAway(reason) }
    if isNextPollDue {
      try pollAgain(subscriber)
    } else if let ping = subscriber.takePing() {
      try subscriber.link?.send(Self.pong(ping), poller)
    }
  }

  private func subscribed(_ subscriber: SubscriberConnection, _ now: UInt64) {
    subscriber.isSubscribed = true
    handshakes -= 1
    status.subscribed += 1
    status.open += 1
    status.lastSubscribed = now
    status.lastProgress = now
    result.connects.record(now - subscriber.startedAt)
    intake.interval.subscribed += 1
    if target.plan.scenario == .connectStorm { intake.interval.latency.record(now - subscriber.startedAt) }
  }

  private func catchUp(_ subscriber: SubscriberConnection, by count: Int, _ now: UInt64) {
    subscriber.missed = max(subscriber.missed - count, 0)
    guard subscriber.missed == 0 else { return }
    status.caughtUp += 1
    result.catchUps.record(now - subscriber.startedAt)
    if target.plan.live == 0 { intake.interval.latency.record(now - subscriber.startedAt) }
  }

  private func lose(_ subscriber: SubscriberConnection, _ reason: String) {
    subscriber.link?.shut()
    subscriber.link = nil
    if subscriber.isSubscribed { status.open -= 1 } else { handshakes -= 1 }
    status.lost += 1
    status.faults.add("subscriber: \(reason)")
    progressed()
  }

  private func pollAgain(_ subscriber: SubscriberConnection) throws {
    let group = subscriber.spec.group
    let (before, after) = polls[group] ?? target.pollAround(group: group)
    polls[group] = (before, after)
    scratch.removeAll(keepingCapacity: true)
    scratch.append(contentsOf: before)
    scratch.append(contentsOf: subscriber.position)
    scratch.append(contentsOf: after)
    try subscriber.link?.send(scratch, poller)
  }

  /// A pong as a client sends it, masked (RFC 6455 sections 5.3 and 5.5.3).
  private static func pong(_ payload: [UInt8]) -> [UInt8] {
    let mask = (0..<4).map { _ in UInt8.random(in: 0...255) }
    return [0x8A, 0x80 | UInt8(payload.count)] + mask + payload.enumerated().map { $1 ^ mask[$0 & 3] }
  }
}
