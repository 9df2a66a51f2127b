/// The percentiles of recorded times, in nanoseconds.
package struct LatencySummary: Sendable, Equatable {
  package var count: UInt64
  package var mean: Double
  package var p50: UInt64
  package var p99: UInt64
  package var max: UInt64

  /// nil if nothing was recorded.
  package init?(_ histogram: LatencyHistogram) {
    guard let mean = histogram.mean, let p50 = histogram.quantile(0.5), let p99 = histogram.quantile(0.99) else {
      return nil
    }
    self.init(count: histogram.count, mean: mean, p50: p50, p99: p99, max: histogram.maximum)
  }

  package init(count: UInt64, mean: Double, p50: UInt64, p99: UInt64, max: UInt64) {
    self.count = count
    self.mean = mean
    self.p50 = p50
    self.p99 = p99
    self.max = max
  }
}
