import Bench
import Testing

struct LatencyHistogramTests {
  @Test func `nothing recorded has no percentiles`() {
    #expect(LatencyHistogram().quantile(0.5) == nil)
    #expect(LatencyHistogram().mean == nil)
    #expect(LatencySummary(LatencyHistogram()) == nil)
  }

  @Test func `every time is found again within 1,6 percent`() throws {
    var time: UInt64 = 1
    while time < 1 << 42 {
      for value in [time - 1, time, time + time / 3] where value < 1 << 42 {
        var histogram = LatencyHistogram()
        histogram.record(value)
        // Something longer, so that the maximum does not help.
        histogram.record(1 << 41)
        let found = try #require(histogram.quantile(0.5))
        #expect(found >= min(value, 1 << 41))
        #expect(Double(found) <= Double(value) * 1.016 + 1)
      }
      time *= 2
    }
  }

  @Test func `percentiles are those of the sorted times`() {
    var histogram = LatencyHistogram()
    for value in UInt64(1)...100 { histogram.record(value * 1_000_000) }
    let summary = LatencySummary(histogram)
    #expect(summary?.count == 100)
    #expect(summary?.max == 100_000_000)
    #expect((50_000_000...50_800_000).contains(summary?.p50 ?? 0))
    #expect((99_000_000...100_000_000).contains(summary?.p99 ?? 0))
    #expect(summary?.mean == 50_500_000)
    #expect(histogram.quantile(1) == 100_000_000)
  }

  @Test func `what took longer than an hour counts as that long, and its maximum is kept`() {
    var histogram = LatencyHistogram()
    histogram.record(UInt64.max / 2)
    #expect(histogram.maximum == UInt64.max / 2)
    #expect(histogram.quantile(0.5) == UInt64(1 << 42) - 1)
  }

  @Test func `two merged are one that recorded everything`() {
    var (first, second, both) = (LatencyHistogram(), LatencyHistogram(), LatencyHistogram())
    for value in UInt64(0)..<1000 {
      if value % 3 == 0 { first.record(value * value) } else { second.record(value * value) }
      both.record(value * value)
    }
    first.merge(second)
    first.merge(LatencyHistogram())
    #expect(first == both)
  }
}
