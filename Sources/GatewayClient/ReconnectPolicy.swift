/// When to come back after a connection ended: exponential backoff with full jitter, so that a thousand clients that
/// lost the same gateway do not return in the same moment, unless the gateway has said when.
///
/// Pure: how long the connection lasted, whether it made progress and the randomness are arguments.
package struct ReconnectPolicy: Sendable, Hashable {
  /// What a gateway said about coming back.
  package enum Advice: Sendable, Hashable {
    /// Exactly then: the gateway has spread its clients over a window itself (`after_ms`).
    case exactly(Duration)
    /// Not before then: the same for everyone who asked (`Retry-After`), so up to `minimum` is added at random.
    case notBefore(Duration)
  }

  /// The most the first wait can be; a stream's `retry:` sets it.
  package var minimum: Duration
  /// The most any wait can be that the gateway did not ask for.
  package var maximum: Duration
  /// A connection that lasted this long was a good one: the count of failures starts again.
  package var stableAfter: Duration
  /// Connections in a row that failed, or broke early without progress.
  package private(set) var failures = 0

  package init(
    minimum: Duration = .milliseconds(500), maximum: Duration = .seconds(20), stableAfter: Duration = .seconds(5)
  ) {
    self.minimum = minimum
    self.maximum = maximum
    self.stableAfter = stableAfter
  }

  /// How long to wait before the next try, and counts the one that has just ended.
  ///
  /// - Parameters:
  ///   - lasted: from connected to ended; nil if it never was connected.
  ///   - madeProgress: whether the connection delivered something that need not be asked for again, or the next one asks
  ///     for less. The count of failures then starts again, however early the connection broke: a network that cuts every
  ///     connection after some bytes delivers a little on each, and waiting longer would not make it deliver more.
  ///   - advice: what the gateway said; it is followed even beyond `maximum`.
  package mutating func nextDelay(
    lasted: Duration?, madeProgress: Bool = false, advice: Advice?, using random: inout some RandomNumberGenerator
  ) -> Duration {
    if madeProgress { failures = 0 }
    if let lasted, lasted >= stableAfter { failures = 0 }
    defer { failures += 1 }
    switch advice {
    case .exactly(let delay):
      failures = 0
      return max(delay, .zero)
    case .notBefore(let delay):
      return max(delay, .zero) + Self.random(upTo: minimum, using: &random)
    case nil:
      return Self.random(upTo: ceiling(failures), using: &random)
    }
  }

  /// min(maximum, minimum · 2^failures), without overflow.
  package func ceiling(_ failures: Int) -> Duration {
    var ceiling = minimum
    for _ in 0..<min(failures, 62) where ceiling < maximum { ceiling *= 2 }
    return min(ceiling, max(minimum, maximum))
  }

  private static func random(upTo ceiling: Duration, using random: inout some RandomNumberGenerator) -> Duration {
    ceiling * (Double(random.next() >> 11) / Double(UInt64(1) << 53))
  }
}
