import Locking
import Synchronization
import WireFormat

/// How many messages to ask for in one page of a poll or of a topic's history.
///
/// A network that cuts answers above some size cuts the same page every time it is asked for. So ask for half as many
/// messages after an answer that was cut, and for twice as many after each full page that arrived whole, up to what the
/// caller wanted at first. A page that is not full says nothing of larger ones. A page of one message cannot be made
/// smaller.
///
/// Pure: the caller reports what became of each page.
package struct PageLimit: Sendable, Hashable {
  /// The smallest `limit` that a gateway accepts.
  package static let minimum = 1
  /// Messages in a poll's answer if the request has no `limit`: the default of the gateway's `limits.poll_messages`.
  package static let pollDefault = 1000
  /// Messages in a page of history if the request has no `limit`.
  package static let historyDefault = 100

  /// The limit that the caller wants; `nil` for as many as the gateway sends if the request has no `limit`.
  private let wanted: Int?
  /// Messages in a page that is not reduced, as far as the client knows: the operator may have set less than the default.
  private var full: Int
  /// Less than `full`; `nil` if pages are not reduced.
  private var reduced: Int?

  /// - Parameters:
  ///   - wanted: the `limit` that the caller wants; `nil` for none.
  ///   - standard: messages in a page if the request has no `limit`.
  package init(_ wanted: Int? = nil, default standard: Int = PageLimit.pollDefault) {
    self.wanted = wanted
    full = wanted ?? standard
  }

  /// The `limit` of the next request; `nil` to leave the parameter out.
  package var current: Int? { reduced ?? wanted }

  /// Counts a page of `count` items that arrived whole: if it was full, the next one may be twice as large.
  package mutating func arrived(_ count: Int) {
    guard let limit = reduced, count >= limit else { return }
    // Compared before it is doubled, so that no limit overflows.
    reduced = limit < full - limit ? limit * 2 : nil
  }

  /// Counts an answer that was cut: the next one is to be half as large.
  ///
  /// - Returns: whether the next request asks for less. `false` if this one asked for the minimum already.
  package mutating func cut() -> Bool {
    let limit = reduced ?? full
    guard limit > Self.minimum else { return false }
    reduced = limit / 2
    return true
  }

  /// Counts a limit that the gateway refused as out of range, because the operator's pages are smaller than the default.
  ///
  /// - Returns: whether the next request asks for less. `false` if the refused limit is the caller's own.
  package mutating func refused() -> Bool {
    let limit = reduced ?? full
    guard wanted == nil, limit > Self.minimum else { return false }
    full = limit
    reduced = limit / 2
    return true
  }
}

/// The page limit of one subscription, which outlives the connections that adjust it.
final class SharedPageLimit: Sendable {
  private let limit: Guarded<PageLimit>

  init(_ limit: PageLimit) { self.limit = Guarded(limit) }

  var current: Int? { limit.withLock { $0.current } }
  func arrived(_ count: Int) { limit.withLock { $0.arrived(count) } }
  func cut() -> Bool { limit.withLock { $0.cut() } }
  func refused() -> Bool { limit.withLock { $0.refused() } }
}

extension Refusal {
  /// Whether the gateway refused the request's `limit` as out of range.
  package var isOfLimit: Bool {
    status == 400 && code == "invalid-parameter" && ReceivedObject(body)?.string("parameter") == "limit"
  }
}
