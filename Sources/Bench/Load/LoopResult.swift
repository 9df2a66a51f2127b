/// What a loop has measured.
struct LoopResult: Sendable {
  var latencies = Phase.allCases.map { _ in LatencyHistogram() }
  var acknowledgements = LatencyHistogram()
  var connects = LatencyHistogram()
  var catchUps = LatencyHistogram()
  var completeness = CompletenessTotal()
  var faults = FaultLog()

  /// Adds another loop's.
  mutating func add(_ other: LoopResult) {
    for phase in latencies.indices { latencies[phase].merge(other.latencies[phase]) }
    acknowledgements.merge(other.acknowledgements)
    connects.merge(other.connects)
    catchUps.merge(other.catchUps)
    completeness = completeness + other.completeness
    faults.merge(other.faults)
  }
}
