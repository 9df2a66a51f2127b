import Locking
import Synchronization

/// How many connections there are, in all and per address, so that one more can be let in or refused. Shared by the
/// listener's loops; touched when a connection opens and closes, never between.
final class ConnectionLedger: Sendable {
  enum Verdict: Equatable { case admitted, tooMany, tooManyFromAddress }

  private struct Counts {
    var total = 0
    var perAddress: [String: Int] = [:]
    /// Refused connections that still wait for their client to read why.
    var refusals = 0

    mutating func add(_ address: String?, limit: Int) -> Bool {
      guard let address else { return true }
      guard perAddress[address, default: 0] < limit else { return false }
      perAddress[address, default: 0] += 1
      return true
    }
  }

  private let counts = Guarded(Counts())
  private let limit: Int
  private let limitPerAddress: Int
  private let refusalLimit: Int

  init(_ settings: HTTPListenerSettings) {
    limit = settings.connections
    limitPerAddress = settings.connectionsPerAddress
    refusalLimit = settings.refusalsAtOnce
  }

  var total: Int { counts.withLock { $0.total } }

  /// Counts a connection in, if it may come in; `leave` counts it out.
  ///
  /// - Parameter address: nil for one that counts for nobody: a trusted proxy's, which speaks for many.
  func enter(_ address: String?) -> Verdict {
    counts.withLock { counts in
      guard counts.total < limit else { return .tooMany }
      guard counts.add(address, limit: limitPerAddress) else { return .tooManyFromAddress }
      counts.total += 1
      return .admitted
    }
  }

  /// A connection that is counted for nobody turns out to be this address's.
  /// - Returns: whether that address may have it; if not, it stays counted for nobody.
  func attribute(to address: String) -> Bool { counts.withLock { $0.add(address, limit: limitPerAddress) } }

  func leave(_ address: String?) {
    counts.withLock { counts in
      counts.total -= 1
      guard let address else { return }
      let left = counts.perAddress[address, default: 1] - 1
      counts.perAddress[address] = left == 0 ? nil : left
    }
  }

  /// Whether one more refused connection may wait for its client.
  func enterRefusal() -> Bool {
    counts.withLock { counts in
      guard counts.refusals < refusalLimit else { return false }
      counts.refusals += 1
      return true
    }
  }

  func leaveRefusal() { counts.withLock { $0.refusals -= 1 } }
}
