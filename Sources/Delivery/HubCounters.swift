package import StreamLog

/// What one hub has counted; summed over the hubs for metrics.
package struct HubCounters: Sendable {
  package static let latencyBoundsMicroseconds: [UInt64] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
  ]

  package var subscribers = 0
  package var subscriptions = 0
  package var reading = 0
  package var deliveries: UInt64 = 0
  package var deliveredBytes: UInt64 = 0
  package var gaps: [Gap.Reason: UInt64] = [:]
  package var resumesComplete: UInt64 = 0
  package var resumesWithGap: UInt64 = 0
  package var resumesUnknown: UInt64 = 0
  package var dismissals: [String: UInt64] = [:]
  /// Deliveries by latency from commit to the write, one count a bound and one above all.
  package var latency = [UInt64](repeating: 0, count: latencyBoundsMicroseconds.count + 1)
  package var latencySumMicroseconds: UInt64 = 0

  package init() {}

  mutating func recordLatency(microseconds: UInt64, deliveries: Int) {
    let bucket =
      Self.latencyBoundsMicroseconds.firstIndex { microseconds <= $0 } ?? Self.latencyBoundsMicroseconds.count
    latency[bucket] += UInt64(deliveries)
    latencySumMicroseconds += microseconds * UInt64(deliveries)
  }

  package mutating func add(_ other: HubCounters) {
    subscribers += other.subscribers
    subscriptions += other.subscriptions
    reading += other.reading
    deliveries += other.deliveries
    deliveredBytes += other.deliveredBytes
    gaps.merge(other.gaps, uniquingKeysWith: +)
    resumesComplete += other.resumesComplete
    resumesWithGap += other.resumesWithGap
    resumesUnknown += other.resumesUnknown
    dismissals.merge(other.dismissals, uniquingKeysWith: +)
    for index in latency.indices { latency[index] += other.latency[index] }
    latencySumMicroseconds += other.latencySumMicroseconds
  }
}
