/// The sum over all subscribers of a run.
package struct CompletenessTotal: Sendable, Equatable {
  /// Messages that should have come.
  package var expected: UInt64 = 0
  package var received: UInt64 = 0
  package var missing: UInt64 = 0
  package var duplicates: UInt64 = 0
  package var disordered: UInt64 = 0
  /// Gaps that the gateway announced.
  package var gaps: UInt64 = 0
  /// Subscribers to whom something is missing.
  package var incompleteSubscribers = 0

  package init() {}

  package static func + (a: Self, b: Self) -> Self {
    var sum = a
    sum.expected += b.expected
    sum.received += b.received
    sum.missing += b.missing
    sum.duplicates += b.duplicates
    sum.disordered += b.disordered
    sum.gaps += b.gaps
    sum.incompleteSubscribers += b.incompleteSubscribers
    return sum
  }

  package var isComplete: Bool { missing == 0 && duplicates == 0 && disordered == 0 && gaps == 0 }
}
