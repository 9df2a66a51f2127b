/// What a run shows of itself once a second.
package struct BenchProgress: Sendable {
  /// What is being done: `connecting`, `publishing` …
  package var stage: String
  /// Since the run began.
  package var seconds: Int
  package var subscribed: Int
  package var deliveriesPerSecond: UInt64
  package var publishesPerSecond: UInt64
  /// Of the last second.
  package var latency: LatencySummary?
  package var errors: Int
}
