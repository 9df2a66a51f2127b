package import StreamLog

/// What every store is told: how much to keep, and its limits.
package struct StoreSettings: Sendable {
  package var retention = RetentionRules()
  /// The bound on all memory held: histories, topics, keys, the tape, and what the ledger counts.
  package var memoryBytes = 1 << 30
  package var idempotencyKeys = 100_000
  package var idempotencyWindowNanoseconds: UInt64 = 300 * 1_000_000_000
  /// Most topics one rewind may go back in.
  package var rewindTopics = 1_000
  package var tapeEntries = 8192

  package init() {}
}

/// Now, by two clocks.
package struct Instant: Sendable, Equatable {
  /// Milliseconds since 1970.
  package var wall: Int64
  /// Nanoseconds of a clock that only moves forward.
  package var monotonic: UInt64

  package init(wall: Int64, monotonic: UInt64) {
    self.wall = wall
    self.monotonic = monotonic
  }
}
