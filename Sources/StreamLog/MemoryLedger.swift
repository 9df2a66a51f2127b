import Synchronization

/// What the process holds beyond histories, so that one bound covers all.
package final class MemoryLedger: Sendable {
  private let cachedBytes = Atomic<Int>(0)
  private let unsentBytes = Atomic<Int>(0)

  package init() {}

  /// Encodings kept for sharing; they go with their messages.
  package var cached: Int { cachedBytes.load(ordering: .relaxed) }
  /// Bytes handed to connections that do not take them.
  package var unsent: Int { unsentBytes.load(ordering: .relaxed) }
  package var total: Int { cached + unsent }

  fileprivate func addCached(_ bytes: Int) { cachedBytes.add(bytes, ordering: .relaxed) }
  /// - Parameter bytes: negative when they are gone.
  package func addUnsent(_ bytes: Int) { unsentBytes.add(bytes, ordering: .relaxed) }
}

/// An encoding that counts in a ledger for as long as anybody holds it.
package final class CachedBytes: Sendable {
  package let bytes: [UInt8]
  private let ledger: MemoryLedger

  package init(_ bytes: [UInt8], in ledger: MemoryLedger) {
    self.bytes = bytes
    self.ledger = ledger
    ledger.addCached(bytes.count)
  }

  deinit { ledger.addCached(-bytes.count) }
}
