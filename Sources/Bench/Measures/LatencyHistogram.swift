/// Counts times in nanoseconds, each in a bucket that is at most 1.6 % wide, so that recording is an addition and
/// any number of times takes the same few kilobytes.
package struct LatencyHistogram: Sendable, Equatable {
  /// Buckets for each doubling; times below this many nanoseconds have one each.
  private static let perDoubling = 64
  private static let shift = 6
  /// 2^42 ns are more than an hour; whatever took longer is counted as that long.
  private static let longest = (1 << 42) - 1

  private var buckets = [UInt64](repeating: 0, count: index(longest) + 1)
  package private(set) var count: UInt64 = 0
  package private(set) var maximum: UInt64 = 0
  private var sum: UInt64 = 0

  package init() {}

  @inline(__always)
  private static func index(_ nanoseconds: Int) -> Int {
    if nanoseconds < perDoubling { return nanoseconds }
    let exponent = Int.bitWidth - 1 - nanoseconds.leadingZeroBitCount
    return (exponent &- shift &+ 1) &* perDoubling &+ (nanoseconds &>> (exponent &- shift)) & (perDoubling &- 1)
  }

  /// The longest time that a bucket counts.
  private static func upperBound(_ index: Int) -> UInt64 {
    if index < perDoubling { return UInt64(index) }
    let doubling = index / perDoubling - 1
    return UInt64((perDoubling + index % perDoubling + 1) << doubling) - 1
  }

  @inline(__always)
  package mutating func record(_ nanoseconds: UInt64) {
    buckets[Self.index(Int(truncatingIfNeeded: min(nanoseconds, UInt64(Self.longest))))] &+= 1
    count &+= 1
    sum &+= nanoseconds
    if nanoseconds > maximum { maximum = nanoseconds }
  }

  package mutating func merge(_ other: LatencyHistogram) {
    guard other.count > 0 else { return }
    for index in buckets.indices { buckets[index] += other.buckets[index] }
    count += other.count
    sum += other.sum
    maximum = max(maximum, other.maximum)
  }

  /// The time that this share of all recorded times does not exceed, in nanoseconds; nil if nothing was recorded.
  ///
  /// - Parameter share: 0 to 1; 0.99 for the 99th percentile.
  package func quantile(_ share: Double) -> UInt64? {
    guard count > 0 else { return nil }
    let rank = max(UInt64((share * Double(count)).rounded(.up)), 1)
    var seen: UInt64 = 0
    for (index, number) in buckets.enumerated() where number > 0 {
      seen += number
      if seen >= rank { return min(Self.upperBound(index), maximum) }
    }
    return maximum
  }

  /// In nanoseconds; nil if nothing was recorded.
  package var mean: Double? { count == 0 ? nil : Double(sum) / Double(count) }
}
