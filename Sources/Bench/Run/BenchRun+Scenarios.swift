import Dispatch
import GatewayClient

/// The scenarios: what is done in which order.
extension BenchRun {
  /// Live subscribers without a rate of their own get so many messages a second.
  private static let liveRate = 20.0

  /// Runs the plan and reports. Not to be called twice.
  package func run() async throws -> BenchReport {
    for (number, port) in ports.enumerated() {
      let target = self.target
      DispatchQueue(label: "bench.\(number)").async { LoadLoop(target, port: port, number: number).run() }
    }
    var stretch = Stretch()
    stretch.memoryBefore = await GatewayUsage.ask(admin)
    do {
      switch plan.scenario {
      case .fanOut: try await fanOut(&stretch)
      case .connectStorm: try await connectStorm(&stretch)
      case .resumeStorm: try await resumeStorm(&stretch)
      }
    } catch {
      _ = await finish()
      throw error
    }
    let status = self.status
    let result = await finish()
    return report(stretch, status, result)
  }

  // MARK: - Fan-out

  private func fanOut(_ stretch: inout Stretch) async throws {
    try await connectPublishers()
    stretch.connectStart = StampClock.now
    try await connect(plan.transports.enumerated().map { SubscriberSpec(transport: $1, group: $0 % plan.groups) })
    await begin(&stretch)
    if plan.publishers == 0 {
      await wait("holding", limit: plan.duration) { $0.open == 0 }
      await end(&stretch)
      return
    }
    // As many as the time has room for, however late the end of it is noticed.
    let seconds = plan.duration / .seconds(1)
    publish(
      0..<plan.groups,
      plan.rate.map { .rate($0, most: Int(min(($0 * seconds).rounded(.up), 1e15))) } ?? .asAcknowledged)
    await wait("publishing", limit: plan.duration) { status in
      status.publishersLost >= plan.publishers || (status.open == 0 && !plan.transports.isEmpty)
    }
    stretch.publishEnd = StampClock.now
    await stopPublishing()
    await receiveAll()
    await end(&stretch)
  }

  /// Stops publishing, and waits until what is under way has been answered.
  private func stopPublishing() async {
    for port in ports { port.send(.stopPublishing) }
    await wait("waiting for the last answers", ignoresInterruption: true) { $0.quiet == self.ports.count }
  }

  /// Waits until what was published has been received.
  private func receiveAll() async {
    let status = self.status
    let patience = status.gaps > 0 || status.lost > 0 ? Self.patienceAfterLoss : Self.patience
    await wait("waiting for the last messages", patience: patience, ignoresInterruption: true) { status in
      status.received >= expected(status) || status.open == 0
    }
  }

  /// How many messages there should be when everyone has received everything.
  private func expected(_ status: LoopStatus) -> UInt64 {
    var members = Array(repeating: UInt64(0), count: plan.allGroups)
    for index in plan.transports.indices { members[index % plan.groups] += 1 }
    for group in plan.liveGroups { members[group] += UInt64(plan.live) }
    return members.enumerated().reduce(0) { sum, group in
      let first = group.offset * plan.topicsEach
      return sum + group.element * status.committed[first..<first + plan.topicsEach].reduce(0, +)
    }
  }

  // MARK: - Connect storm

  private func connectStorm(_ stretch: inout Stretch) async throws {
    await begin(&stretch)
    let specs = plan.transports.enumerated().map { SubscriberSpec(transport: $1, group: $0 % plan.groups) }
    deal(specs, window: specs.count)
    await wait("connecting", until: allSettled(specs.count))
    stretch.publishEnd = max(status.lastSubscribed, stretch.start)
    await end(&stretch)
    // What is resident now is what the connections take.
    stretch.connected = stretch.after
  }

  // MARK: - Resume storm

  private func resumeStorm(_ stretch: inout Stretch) async throws {
    try await connectPublishers()
    let live = (0..<plan.live).map { _ in SubscriberSpec(transport: plan.transports[0], group: plan.groups) }
    try await connect(live)
    let pace = Pace.rate(plan.rate ?? Self.liveRate)
    if plan.live > 0 {
      publish(plan.liveGroups, pace)
      await wait("publishing to the live", limit: plan.duration) { $0.publishersLost >= self.plan.publishers }
      await stopPublishing()
      await receiveAll()
    }
    guard !isInterrupted else { return }
    let specs = try await fallBehind()
    guard !isInterrupted else { return }
    for port in ports { port.send(.begin(.storm)) }
    await begin(&stretch)
    if plan.live > 0 { publish(plan.liveGroups, pace) }
    deal(specs, window: specs.count)
    await wait("resuming") { $0.caughtUp + $0.fellShort + $0.lost >= specs.count }
    if plan.live > 0 { stretch.publishEnd = StampClock.now }
    await stopPublishing()
    if !isInterrupted { await receiveAll() }
    await end(&stretch)
  }

  /// Publishes what the storm's subscribers have missed.
  ///
  /// - Returns: the subscribers, with the position from before.
  private func fallBehind() async throws -> [SubscriberSpec] {
    guard let position = try await NegotiatedTerms.ask(gateway).position else {
      throw GatewayClientError.notUnderstood("its answer to /v1/negotiate has no position")
    }
    let before = status.acknowledged
    let count = plan.behind * plan.groups
    publish(0..<plan.groups, .count(count))
    await wait("publishing what is missed") {
      $0.acknowledged - before >= count || $0.publishersLost >= self.plan.publishers
    }
    await stopPublishing()
    let published = status.acknowledged - before
    guard published >= count || isInterrupted else {
      throw BenchFailure(
        description: "only \(published) of the \(count) messages to be missed could be published: "
          + (status.faults.counts.first?.reason ?? "the gateway does not answer"))
    }
    return plan.transports.enumerated().map {
      SubscriberSpec(transport: $1, group: $0 % plan.groups, since: position, behind: plan.behind)
    }
  }

  // MARK: - Pieces

  private func connectPublishers() async throws {
    guard plan.publishers > 0 else { return }
    for port in ports { port.send(.connectPublishers) }
    await wait("connecting") { $0.publishersReady + $0.publishersLost >= self.plan.publishers }
    guard status.publishersReady > 0 || isInterrupted else { throw nobody("publisher") }
  }

  private func connect(_ specs: [SubscriberSpec]) async throws {
    guard !specs.isEmpty else { return }
    deal(specs, window: max(Self.window / plan.threads, 1))
    await wait("connecting", until: allSettled(specs.count))
    guard status.subscribed > 0 || isInterrupted else { throw nobody("subscriber") }
  }

  private func nobody(_ what: String) -> BenchFailure {
    BenchFailure(
      description:
        "no \(what) could be connected: \(status.faults.counts.first?.reason ?? "the gateway does not answer")")
  }

  private func allSettled(_ count: Int) -> (LoopStatus) -> Bool {
    { $0.subscribed + $0.lost >= count }
  }

  /// Deals subscribers to the loops, which connect them.
  private func deal(_ specs: [SubscriberSpec], window: Int) {
    for (number, port) in ports.enumerated() {
      let share = stride(from: number, to: specs.count, by: ports.count).map { specs[$0] }
      port.send(.connect(share, window: window))
    }
  }

  private func publish(_ groups: Range<Int>, _ pace: Pace) {
    let start = StampClock.now
    for port in ports { port.send(.publish(groups: groups, pace, start: start)) }
  }

  private func finish() async -> LoopResult {
    let committed = status.committed
    let topics = committed.isEmpty ? Array(repeating: 0, count: plan.topicCount) : committed
    for port in ports { port.send(.finish(committed: topics)) }
    await wait("ending", limit: Self.patience, ignoresInterruption: true) { _ in
      self.ports.allSatisfy { $0.result != nil }
    }
    return ports.compactMap(\.result).reduce(into: LoopResult()) { $0.add($1) }
  }

  // MARK: - The stretch that is measured

  private func begin(_ stretch: inout Stretch) async {
    stretch.connected = await GatewayUsage.ask(admin)
    forgetTimeline()
    let status = self.status
    stretch.receivedBefore = status.received
    stretch.acknowledgedBefore = status.acknowledged
    stretch.benchCPUStart = SystemLimits.cpuSeconds
    stretch.start = StampClock.now
  }

  private func end(_ stretch: inout Stretch) async {
    stretch.benchCPUEnd = SystemLimits.cpuSeconds
    stretch.end = max(status.lastArrival, stretch.publishEnd, stretch.start)
    if plan.publishers == 0, plan.scenario == .fanOut { stretch.end = StampClock.now }
    stretch.after = await GatewayUsage.ask(admin)
    gatherLast()
  }
}
