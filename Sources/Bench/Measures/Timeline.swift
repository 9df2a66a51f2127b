/// A run in stretches of the same length, for progress and charts.
package struct Timeline: Sendable {
  /// Charts have at most about so many points.
  private static let points = 100
  private static let shortest = Duration.milliseconds(100)
  /// A storm may be over soon.
  private static let shortestInStorm = Duration.milliseconds(20)

  /// In nanoseconds.
  package let step: UInt64
  package private(set) var intervals: [Int: Interval] = [:]

  /// - Parameter duration: about how long the run will be; nil for a storm, which takes as long as it takes.
  package init(duration: Duration?) {
    let step = duration.map { max($0 / Self.points, Self.shortest) } ?? Self.shortestInStorm
    self.step = UInt64(step / .nanoseconds(1))
  }

  package mutating func add(_ interval: Interval) {
    intervals[interval.index, default: Interval(index: interval.index)].merge(interval)
  }

  /// The whole stretches between two times, both in nanoseconds since the run's start, neighbours joined where there
  /// are too many. Those in which nothing happened are there, too.
  ///
  /// - Returns: the stretches, and how many of the original ones each is.
  package func slice(from start: UInt64, to end: UInt64) -> (intervals: [Interval], each: Int) {
    let first = Int((start + step - 1) / step)
    let last = Int(end / step)
    guard first < last else { return ([], 1) }
    let each = (last - first + Self.points - 1) / Self.points
    let joined = stride(from: first, through: last - each, by: each).map { index in
      (index..<index + each).reduce(into: Interval(index: index)) { sum, index in
        if let interval = intervals[index] { sum.merge(interval) }
      }
    }
    return (joined, each)
  }

  /// Forgets everything; what comes from now on is kept.
  package mutating func clear() { intervals = [:] }
}
