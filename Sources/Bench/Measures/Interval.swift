/// What happened in one stretch of a run's time.
package struct Interval: Sendable {
  /// Which stretch, from 0 at the run's start.
  package let index: Int
  package var deliveries: UInt64 = 0
  package var published: UInt64 = 0
  package var subscribed: UInt64 = 0
  /// From publish to receipt; in a storm without live subscribers, how long the storm's took.
  package var latency = LatencyHistogram()

  package init(index: Int) { self.index = index }

  package mutating func merge(_ other: Interval) {
    deliveries += other.deliveries
    published += other.published
    subscribed += other.subscribed
    latency.merge(other.latency)
  }
}
