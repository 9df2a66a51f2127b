/// When a commit is as safe as the disk makes it.
package enum SQLiteSynchronous: String, Sendable, CaseIterable {
  /// Every commit waits for the disk: what is acknowledged survives a power cut.
  case full
  /// Commits do not wait for the disk: what is acknowledged survives a crash of the gateway, but a power cut may take
  /// the last moments back.
  case normal
}

package struct SQLiteStoreSettings: Sendable {
  package var path: String
  package var synchronous = SQLiteSynchronous.full
  /// How long publishes wait for another program's lock before they are refused.
  package var busyMilliseconds: Int32 = 2000
  /// Most bytes of publishes that wait for the disk.
  package var waitingBytes = 64 << 20

  package init(path: String) { self.path = path }
}
