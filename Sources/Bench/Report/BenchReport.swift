/// What a run has measured. Times are in seconds where nothing else is said; nil is what does not apply or could not
/// be had.
package struct BenchReport: Sendable {
  package struct Gateway: Sendable, Equatable {
    package var cpuSeconds: Double
    /// Resident memory before anything was connected, with everything connected, and at the end.
    package var memoryBefore: Double
    package var memoryConnected: Double
    package var memoryAfter: Double

    package init(cpuSeconds: Double, memoryBefore: Double, memoryConnected: Double, memoryAfter: Double) {
      self.cpuSeconds = cpuSeconds
      self.memoryBefore = memoryBefore
      self.memoryConnected = memoryConnected
      self.memoryAfter = memoryAfter
    }
  }

  package struct Point: Sendable, Equatable {
    /// The middle of the stretch, in seconds since publishing or the storm began.
    package var at: Double
    package var deliveriesPerSecond: Double
    package var publishesPerSecond: Double
    package var subscribedPerSecond: Double
    package var latency: LatencySummary?

    package init(
      at: Double, deliveriesPerSecond: Double, publishesPerSecond: Double, subscribedPerSecond: Double,
      latency: LatencySummary?
    ) {
      self.at = at
      self.deliveriesPerSecond = deliveriesPerSecond
      self.publishesPerSecond = publishesPerSecond
      self.subscribedPerSecond = subscribedPerSecond
      self.latency = latency
    }
  }

  package var scenario: BenchPlan.Scenario
  package var url: String
  package var topicPrefix: String
  /// By transport, in the order they were named in.
  package var subscribers: [(transport: String, count: Int)] = []
  package var live = 0
  package var publishers = 0
  package var payloadBytes = 0
  package var groups = 0
  package var topicsEach = 0
  package var rate: Double?
  package var behind = 0
  package var wasInterrupted = false

  /// How long it was measured: from the first publish, or the storm, to the last delivery.
  package var seconds = 0.0
  package var subscribed = 0
  package var connectsPerSecond: Double?
  package var connect: LatencySummary?
  package var published: UInt64 = 0
  package var publishesPerSecond: Double?
  package var acknowledgement: LatencySummary?
  package var deliveries: UInt64 = 0
  package var deliveriesPerSecond: Double?
  /// From publish to receipt; in a resume storm of the live subscribers before it.
  package var delivery: LatencySummary?
  /// Of the live subscribers during a resume storm.
  package var deliveryDuringStorm: LatencySummary?
  package var caughtUp = 0
  /// From the beginning of the connect to the last message missed.
  package var catchUp: LatencySummary?
  package var completeness = CompletenessTotal()
  package var faults = FaultLog()
  package var gateway: Gateway?
  package var benchCPUSeconds = 0.0
  package var points: [Point] = []

  package init(scenario: BenchPlan.Scenario, url: String, topicPrefix: String) {
    self.scenario = scenario
    self.url = url
    self.topicPrefix = topicPrefix
  }

  package var subscriberCount: Int { subscribers.reduce(live) { $0 + $1.count } }

  /// Whether everyone was connected, got everything exactly once, in order, and nothing went wrong.
  package var isComplete: Bool { problems.isEmpty }

  /// Why the run was not complete, in words.
  package var problems: [String] {
    var problems: [String] = []
    if subscribed < subscriberCount {
      problems.append("\(subscriberCount - subscribed) of \(subscriberCount) subscribers were never connected")
    }
    if completeness.missing > 0 {
      problems.append(
        "\(completeness.missing) messages are missing to \(completeness.incompleteSubscribers) subscribers")
    }
    if completeness.duplicates > 0 { problems.append("\(completeness.duplicates) messages came twice") }
    if completeness.disordered > 0 { problems.append("\(completeness.disordered) messages came out of order") }
    if completeness.gaps > 0 {
      problems.append(
        "\(completeness.gaps) gaps were announced: the gateway did not keep what a reader still wanted (see history)")
    }
    problems += faults.counts.map { $0.count == 1 ? $0.reason : "\($0.reason) (\($0.count) times)" }
    return problems
  }

  /// Microseconds of the gateway's CPU for each delivery, or each publish if nobody was there to deliver to.
  package var gatewayMicrosecondsEach: Double? { gateway.flatMap { microsecondsEach($0.cpuSeconds) } }

  /// The same of the bench.
  package var benchMicrosecondsEach: Double? { microsecondsEach(benchCPUSeconds) }

  private func microsecondsEach(_ seconds: Double) -> Double? {
    let count = deliveries > 0 ? deliveries : published
    return count == 0 ? nil : seconds / Double(count) * 1e6
  }

  /// Resident bytes for each connection that was opened; nil where it cannot be told, as in a resume storm, whose
  /// connections bring messages with them.
  package var gatewayBytesPerConnection: Double? {
    guard let gateway, subscribed > 0, scenario != .resumeStorm else { return nil }
    return max(gateway.memoryConnected - gateway.memoryBefore, 0) / Double(subscribed + publishers)
  }
}
