import Synchronization

/// What a listener counts, for metrics; any thread may read it.
package final class HTTPCounters: Sendable {
  package enum Kind: Int, CaseIterable, Sendable {
    /// Connections accepted and kept.
    case accepted
    /// Connections refused because the listener, or one address, has too many.
    case refusedTotal
    case refusedPerAddress
    /// Times that accepting failed for want of a descriptor or of memory.
    case acceptFailures
    /// Requests handed to the route.
    case requests
    /// Requests the server answered itself because they broke a rule or a limit, timeouts apart.
    case badRequests
    /// Heads and bodies that were not complete in time.
    case timeouts
    /// Connections closed because the peer took no bytes.
    case stalled
  }

  private let accepted = Atomic<Int>(0)
  private let refusedTotal = Atomic<Int>(0)
  private let refusedPerAddress = Atomic<Int>(0)
  private let acceptFailures = Atomic<Int>(0)
  private let requests = Atomic<Int>(0)
  private let badRequests = Atomic<Int>(0)
  private let timeouts = Atomic<Int>(0)
  private let stalled = Atomic<Int>(0)

  package init() {}

  package subscript(kind: Kind) -> Int {
    switch kind {
    case .accepted: accepted.load(ordering: .relaxed)
    case .refusedTotal: refusedTotal.load(ordering: .relaxed)
    case .refusedPerAddress: refusedPerAddress.load(ordering: .relaxed)
    case .acceptFailures: acceptFailures.load(ordering: .relaxed)
    case .requests: requests.load(ordering: .relaxed)
    case .badRequests: badRequests.load(ordering: .relaxed)
    case .timeouts: timeouts.load(ordering: .relaxed)
    case .stalled: stalled.load(ordering: .relaxed)
    }
  }

  func count(_ kind: Kind) {
    switch kind {
    case .accepted: accepted.wrappingAdd(1, ordering: .relaxed)
    case .refusedTotal: refusedTotal.wrappingAdd(1, ordering: .relaxed)
    case .refusedPerAddress: refusedPerAddress.wrappingAdd(1, ordering: .relaxed)
    case .acceptFailures: acceptFailures.wrappingAdd(1, ordering: .relaxed)
    case .requests: requests.wrappingAdd(1, ordering: .relaxed)
    case .badRequests: badRequests.wrappingAdd(1, ordering: .relaxed)
    case .timeouts: timeouts.wrappingAdd(1, ordering: .relaxed)
    case .stalled: stalled.wrappingAdd(1, ordering: .relaxed)
    }
  }
}
