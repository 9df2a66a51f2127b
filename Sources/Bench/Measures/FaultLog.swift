/// What went wrong, by what was said about it, and how often.
package struct FaultLog: Sendable, Equatable {
  /// Different sentences that are kept; others are counted together.
  package static let mostReasons = 20
  package static let others = "other reasons"

  package private(set) var counts: [(reason: String, count: Int)] = []

  package init() {}

  package var total: Int { counts.reduce(0) { $0 + $1.count } }

  package mutating func add(_ reason: String, count: Int = 1) {
    let isKnown = counts.contains { $0.reason == reason }
    let reason = isKnown || counts.count < Self.mostReasons ? reason : Self.others
    if let index = counts.firstIndex(where: { $0.reason == reason }) {
      counts[index].count += count
    } else {
      counts.append((reason, count))
    }
  }

  package mutating func merge(_ other: FaultLog) {
    for (reason, count) in other.counts { add(reason, count: count) }
  }

  package static func == (a: Self, b: Self) -> Bool { a.counts.elementsEqual(b.counts) { $0 == $1 } }
}
