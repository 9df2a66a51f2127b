package import NIOCore
package import RedisClient
import StreamStores

package struct RedisStoreSettings: Sendable {
  package var connection: RedisSettings
  /// Before every key, so that several gateways, or others, may share a database: 1 to 64 of `A-Z a-z 0-9 - _ . :`.
  package var prefix = "sluice"
  /// How long publishes wait for a Redis that is away, before they are refused.
  package var wait = TimeAmount.zero
  /// Entries of the log that every node follows: a node that is away for longer reads topics' histories instead.
  package var logEntries = 100_000
  /// Most topics that are remembered; beyond, the one longest without a message is forgotten.
  package var topics = 1_000_000
  /// Most bytes of publishes under way.
  package var waitingBytes = 64 << 20

  package init(_ connection: RedisSettings) { self.connection = connection }
}
