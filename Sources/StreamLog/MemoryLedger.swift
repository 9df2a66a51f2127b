import Synchronization

/// What the process holds beyond histories, so that one bound covers all: bytes handed to connections that did not
/// take them yet, and encodings kept for sharing.
package final class MemoryLedger: Sendable {
  private let pinnedBytes = Atomic<Int>(0)

  package init() {}

  package var pinned: Int { pinnedBytes.load(ordering: .relaxed) }

  package func add(_ bytes: Int) { pinnedBytes.add(bytes, ordering: .relaxed) }
  package func remove(_ bytes: Int) { pinnedBytes.subtract(bytes, ordering: .relaxed) }
}

/// Bytes that count in a ledger for as long as anybody holds them.
package final class PinnedBytes: Sendable {
  package let bytes: [UInt8]
  private let ledger: MemoryLedger

  package init(_ bytes: [UInt8], in ledger: MemoryLedger) {
    self.bytes = bytes
    self.ledger = ledger
    ledger.add(bytes.count)
  }

  deinit { ledger.remove(bytes.count) }
}
