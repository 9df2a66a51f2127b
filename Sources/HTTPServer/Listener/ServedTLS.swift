import Locking
import Synchronization
package import TLS

/// The certificates and rules that a listener's new connections are met with; replaced without touching the old ones.
package final class ServedTLS: Sendable {
  private let current: Guarded<TLSContext>

  package init(_ context: TLSContext) { current = Guarded(context) }

  package var context: TLSContext { current.withLock { $0 } }

  package func replace(with context: TLSContext) { current.withLock { $0 = context } }
}
