package import GatewayClient
import Locking
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Runs a plan against a gateway: directs the loops and gathers what they measure.
package final class BenchRun: Sendable {
  /// A run in which nothing has happened for this long is given up; what has not come is missing.
  package static let patience = Duration.seconds(10)
  /// The same for the last messages where it is known that some will not come: a gap was announced, or a connection
  /// is lost.
  package static let patienceAfterLoss = Duration.seconds(2)
  /// Handshakes at a time where no storm is wanted: fewer than a listener's queue holds.
  static let window = 200
  private static let lookEvery = Duration.milliseconds(10)

  let plan: BenchPlan
  let gateway: GatewayCalls
  let admin: GatewayCalls?
  let target: LoadTarget
  let ports: [LoopPort]
  private let showProgress: @Sendable (BenchProgress) -> Void
  private let interrupted = Atomic(false)
  private let watched: Guarded<Watched>

  /// What is gathered while the run goes on.
  private struct Watched: Sendable {
    var timeline: Timeline
    var lastShown: UInt64
    var stage = ""
    /// Since progress was last shown.
    var recent = Interval(index: 0)
  }

  /// Checks that everything can be as planned, before anything is connected.
  ///
  /// - Parameters:
  ///   - admin: nil if the gateway's usage is not to be asked for.
  ///   - progress: called about once a second.
  /// - Throws: `PlanError`; `GatewayClientError` if the gateway cannot be reached or does not allow it.
  package init(
    _ plan: BenchPlan, gateway: GatewayCalls, admin: GatewayCalls?,
    progress: @escaping @Sendable (BenchProgress) -> Void
  ) async throws {
    self.plan = plan
    self.gateway = gateway
    self.admin = admin
    showProgress = progress
    try SystemLimits.check(connections: plan.connections, openFiles: SystemLimits.raiseOpenFiles())
    try await Self.checkTerms(plan, gateway)
    let address = try Self.reachable(gateway.base)
    let timeline = Timeline(duration: plan.scenario == .fanOut ? plan.duration : nil)
    var generator = SystemRandomNumberGenerator()
    target = LoadTarget(
      plan: plan, url: gateway.base, address: address,
      sources: try SystemLimits.sources(connections: plan.connections, to: address), step: timeline.step,
      using: &generator)
    var ports: [LoopPort] = []
    for _ in 0..<plan.threads { ports.append(try LoopPort()) }
    self.ports = ports
    watched = Guarded(Watched(timeline: timeline, lastShown: target.start))
  }

  /// Ends the run early; it still reports. From any thread.
  package func interrupt() { interrupted.store(true, ordering: .relaxed) }

  var isInterrupted: Bool { interrupted.load(ordering: .relaxed) }

  // MARK: - Before

  /// Whether the gateway takes such messages and lets such subscribers in.
  private static func checkTerms(_ plan: BenchPlan, _ gateway: GatewayCalls) async throws {
    let terms = try await NegotiatedTerms.ask(gateway)
    if let most = terms.maxMessageBytes, plan.payload.count > most {
      throw PlanError("--payload \(plan.payload.count) is more than this gateway takes (\(most) bytes)")
    }
    for transport in Set(plan.transports) where terms.transports.map({ !$0.contains(transport.rawValue) }) ?? false {
      throw PlanError("this gateway does not offer \(transport.rawValue)")
    }
  }

  /// The first address of the gateway that takes a connection.
  private static func reachable(_ url: GatewayURL) throws -> SocketAddress {
    let addresses = try SocketAddress.resolve(url)
    guard let address = addresses.first(where: Socket.reaches) else {
      throw GatewayClientError.unreachable("cannot reach the gateway at \(url.origin)")
    }
    return address
  }

  // MARK: - Watching

  /// The sum of what the loops last said.
  var status: LoopStatus {
    ports.map(\.status).reduce(into: LoopStatus()) { sum, status in sum.add(status) }
  }

  /// Looks until `condition` is true, the run is interrupted, or nothing has happened for `patience`.
  ///
  /// - Parameters:
  ///   - limit: at most this long; nothing need happen meanwhile.
  ///   - ignoresInterruption: for what has to be waited for in any case.
  /// - Returns: whether the condition was met.
  @discardableResult
  func wait(
    _ stage: String, limit: Duration? = nil, patience: Duration = patience, ignoresInterruption: Bool = false,
    until condition: (LoopStatus) -> Bool
  ) async -> Bool {
    watched.withLock { $0.stage = stage }
    let start = StampClock.now
    while true {
      let status = self.status
      gather(status)
      if condition(status) { return true }
      if isInterrupted, !ignoresInterruption { return false }
      let now = StampClock.now
      if let limit, now - start > UInt64(limit / .nanoseconds(1)) { return false }
      let last = max(status.lastProgress, start)
      if limit == nil, now > last, now - last > UInt64(patience / .nanoseconds(1)) { return false }
      try? await Task.sleep(for: Self.lookEvery)
    }
  }

  /// Takes over what the loops have measured since.
  private func gather(_ status: LoopStatus) {
    let intervals = ports.flatMap { $0.takeIntervals() }
    let progress = watched.withLock { watched -> BenchProgress? in
      for interval in intervals {
        watched.timeline.add(interval)
        watched.recent.merge(interval)
      }
      let now = StampClock.now
      guard now - watched.lastShown >= 1_000_000_000 else { return nil }
      let seconds = Double(now - watched.lastShown) / 1e9
      let recent = watched.recent
      watched.recent = Interval(index: 0)
      watched.lastShown = now
      return BenchProgress(
        stage: watched.stage, seconds: Int((now - target.start) / 1_000_000_000), subscribed: status.subscribed,
        deliveriesPerSecond: UInt64(Double(recent.deliveries) / seconds),
        publishesPerSecond: UInt64(Double(recent.published) / seconds), latency: LatencySummary(recent.latency),
        errors: status.faults.total)
    }
    if let progress { showProgress(progress) }
  }

  /// What happened between two times of the stamps' clock.
  func points(from start: UInt64, to end: UInt64) -> [BenchReport.Point] {
    let timeline = watched.withLock { $0.timeline }
    let (intervals, each) = timeline.slice(from: start - target.start, to: end - target.start)
    let step = Double(timeline.step) / 1e9
    let seconds = step * Double(each)
    return intervals.map { interval in
      let middle = Double(interval.index) * step + seconds / 2 - Double(start - target.start) / 1e9
      return BenchReport.Point(
        at: middle, deliveriesPerSecond: Double(interval.deliveries) / seconds,
        publishesPerSecond: Double(interval.published) / seconds,
        subscribedPerSecond: Double(interval.subscribed) / seconds, latency: LatencySummary(interval.latency))
    }
  }

  /// What is measured begins here: the timeline before it is not kept.
  func forgetTimeline() {
    gather(status)
    watched.withLock { $0.timeline.clear() }
  }

  func gatherLast() { gather(status) }
}
