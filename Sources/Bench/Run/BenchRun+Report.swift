import GatewayClient

/// From what was gathered to what is reported.
extension BenchRun {
  func report(_ stretch: Stretch, _ status: LoopStatus, _ result: LoopResult) -> BenchReport {
    var report = BenchReport(
      scenario: plan.scenario, url: "\(gateway.base)", topicPrefix: target.topics.prefix)
    describe(&report)
    let seconds = Double(stretch.end - stretch.start) / 1e9
    report.seconds = seconds
    report.wasInterrupted = isInterrupted
    report.completeness = result.completeness
    report.faults = result.faults
    report.benchCPUSeconds = stretch.benchCPUEnd - stretch.benchCPUStart
    report.gateway = usage(stretch)

    report.subscribed = status.subscribed
    report.connect = LatencySummary(result.connects)
    if let connectSeconds = connectSeconds(stretch, status) {
      report.connectsPerSecond = Double(status.subscribed) / connectSeconds
    }
    report.published = status.acknowledged - stretch.acknowledgedBefore
    report.deliveries = status.received - stretch.receivedBefore
    report.acknowledgement = LatencySummary(result.acknowledgements)
    report.caughtUp = status.caughtUp
    report.catchUp = LatencySummary(result.catchUps)
    // A storm without live subscribers has no deliveries that came when they were published.
    if plan.scenario == .fanOut || plan.live > 0 {
      report.delivery = LatencySummary(result.latencies[Phase.steady.rawValue])
      report.deliveryDuringStorm = LatencySummary(result.latencies[Phase.storm.rawValue])
    }
    if plan.publishers > 0, plan.scenario == .fanOut || plan.live > 0, stretch.publishEnd > stretch.start {
      report.publishesPerSecond = Double(report.published) / (Double(stretch.publishEnd - stretch.start) / 1e9)
    }
    if report.deliveries > 0, seconds > 0 { report.deliveriesPerSecond = Double(report.deliveries) / seconds }
    if stretch.end > stretch.start { report.points = points(from: stretch.start, to: stretch.end) }
    return report
  }

  private func describe(_ report: inout BenchReport) {
    for transport in plan.transports {
      if let index = report.subscribers.firstIndex(where: { $0.transport == transport.rawValue }) {
        report.subscribers[index].count += 1
      } else {
        report.subscribers.append((transport.rawValue, 1))
      }
    }
    report.live = plan.live
    report.publishers = plan.publishers
    report.payloadBytes = plan.payload.count
    report.groups = plan.groups
    report.topicsEach = plan.topicsEach
    report.rate = plan.rate
    report.behind = plan.scenario == .resumeStorm ? plan.behind : 0
  }

  private func usage(_ stretch: Stretch) -> BenchReport.Gateway? {
    guard let before = stretch.memoryBefore, let connected = stretch.connected, let after = stretch.after else {
      return nil
    }
    return BenchReport.Gateway(
      cpuSeconds: after.cpuSeconds - (plan.scenario == .connectStorm ? before : connected).cpuSeconds,
      memoryBefore: before.residentBytes, memoryConnected: connected.residentBytes,
      memoryAfter: after.residentBytes)
  }

  /// How long it took until all were subscribed; nil in a resume storm, whose connects are part of catching up.
  private func connectSeconds(_ stretch: Stretch, _ status: LoopStatus) -> Double? {
    guard plan.scenario != .resumeStorm, status.subscribed > 0 else { return nil }
    let start = plan.scenario == .connectStorm ? stretch.start : stretch.connectStart
    guard status.lastSubscribed > start else { return nil }
    return Double(status.lastSubscribed - start) / 1e9
  }
}
