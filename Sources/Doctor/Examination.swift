import GatewayClient

/// Goes through a deployment, step by step.
package struct Examination: Sendable {
  private var plan: ExaminationPlan
  /// Called with each finding as it is made.
  private let report: @Sendable (Finding) throws -> Void
  /// Called with what takes a while, and with nil when it is over.
  private let progress: @Sendable (String?) -> Void
  private var diagnosis = Diagnosis()

  package init(
    _ plan: ExaminationPlan, report: @escaping @Sendable (Finding) throws -> Void,
    progress: @escaping @Sendable (String?) -> Void
  ) {
    self.plan = plan
    self.report = report
    self.progress = progress
  }

  /// - Throws: `CancellationError`, and what `report` throws: whatever is wrong with the deployment is a finding.
  package static func run(
    _ plan: ExaminationPlan, report: @escaping @Sendable (Finding) throws -> Void,
    progress: @escaping @Sendable (String?) -> Void = { _ in }
  ) async throws -> Diagnosis {
    var examination = Examination(plan, report: report, progress: progress)
    try await examination.run()
    return examination.diagnosis
  }

  private mutating func run() async throws {
    progress("looking for the gateway")
    let reach = try await plan.probeReach()
    try add(reach.findings)
    guard let negotiated = reach.negotiated else { return }
    diagnosis.offered = negotiated.transports
    diagnosis.keepsBrowsersOut = reach.keepsBrowsersOut
    if plan.steps.contains(.upgrade) {
      progress("opening a websocket")
      let upgrade = negotiated.transports.contains(.websocket) ? try await plan.probeUpgrade() : .notOffered
      try add(upgrade.findings)
    }
    // Of what is under way nobody knows whether it is there.
    var mayErase = false
    let outcome: Result<Void, any Error>
    do {
      var publishing = PublishMeasurement.notAsked
      if !plan.steps.isDisjoint(with: [.publish, .buffering, .polling, .resume]) {
        if plan.publishes {
          progress("publishing")
          mayErase = try await plan.holdsNothing()
          publishing = try await plan.probePublish(isOurs: mayErase)
          mayErase = publishing.mayErase
        }
        try add(publishing.findings(topic: plan.topic))
      }
      outcome = .success(try await look(reach, publishes: publishing.isPossible))
    } catch {
      outcome = .failure(error)
    }
    if mayErase {
      // Also after Ctrl-C: in a task of its own, which that does not cancel.
      let plan = plan
      await Task { try? await plan.erase() }.value
    }
    progress(nil)
    try outcome.get()
  }

  /// What needs a gateway.
  private mutating func look(_ reach: ReachMeasurement, publishes: Bool) async throws {
    let roundTrip = reach.roundTrip ?? .zero
    if plan.steps.contains(.buffering) {
      progress("reading streams")
      let streams = diagnosis.offered.filter { $0 != .poll && !($0 == .websocket && isBroken($0)) }
      try add(try await plan.probeBuffering(streams, roundTrip: roundTrip, publishes: publishes).findings)
    }
    if plan.steps.contains(.polling), diagnosis.offered.contains(.poll) {
      progress("polling")
      try add(try await plan.probePolling(roundTrip: roundTrip, publishes: publishes).findings)
    }
    if plan.steps.contains(.idle) { try await lookIdle() }
    if plan.steps.contains(.http2) {
      progress("speaking HTTP/2")
      let chosen = (reach.unverified ?? reach.trial).applicationProtocol
      try add(try await plan.probeHTTP2(chosen: chosen, offered: diagnosis.offered).findings)
    }
    if plan.steps.contains(.cors) { try await lookAtOrigins() }
    if plan.steps.contains(.resume) {
      progress("breaking off and coming back")
      try add(try await plan.probeResume(diagnosis.working, publishes: publishes).findings)
    }
    if plan.steps.contains(.sizes) {
      progress("sending large requests")
      try add(try await plan.probeSizes().findings)
    }
  }

  private mutating func lookAtOrigins() async throws {
    guard let origin = plan.origin else {
      return try add([Finding(.cors, .skipped, "without --origin https://app.example.com: as a page of which origin?")])
    }
    progress("asking as a page of \(origin)")
    try add(try await plan.probeCORS(origin: origin, triesWebSocket: diagnosis.working.contains(.websocket)).findings)
  }

  private mutating func lookIdle() async throws {
    let transports = diagnosis.working
    guard plan.idle > .zero, !transports.isEmpty else {
      let why = plan.idle > .zero ? "no transport works" : "--idle 0s"
      return try add([Finding(.idle, .skipped, "\(why): how connections stand silence was not looked at")])
    }
    progress("holding connections for \(plan.idle.words)")
    try add(try await plan.probeIdle(transports).findings)
  }

  private func isBroken(_ transport: StreamTransport) -> Bool { !diagnosis.working.contains(transport) }

  private mutating func add(_ findings: [Finding]) throws {
    for finding in findings {
      diagnosis.add(finding)
      try report(finding)
    }
  }
}
