import Locking
import Synchronization
import TLS

/// Whom a client believes that a gateway is who it says.
package struct GatewayTrust: Sendable, Hashable {
  /// A PEM file with who vouches for gateways; nil: whom the system trusts.
  package var authorities: String?
  /// False: whatever certificate it shows.
  package var verifies = true

  package init(authorities: String? = nil, verifies: Bool = true) {
    self.authorities = authorities
    self.verifies = verifies
  }

  /// Reading the system's authorities takes a while: once for each trust, for the life of the process. A file that is
  /// replaced meanwhile is not read again.
  private static let contexts = Guarded<[GatewayTrust: TLSContext]>([:])

  /// - Throws: `badURL` if the file cannot be used.
  package func check() throws(GatewayClientError) { _ = try context() }

  func context() throws(GatewayClientError) -> TLSContext {
    if let context = Self.contexts.withLock({ $0[self] }) { return context }
    do throws(TLSConfigurationErrors) {
      let context = try TLSContext.client(
        authorities: authorities, verifies: verifies, applicationProtocols: ["http/1.1"])
      Self.contexts.withLock { $0[self] = context }
      return context
    } catch {
      throw .badURL("--ca: \(error)")
    }
  }
}
