import Locking
import NIOCore
import Synchronization
import TLS
import TLSClient

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
  private static let contexts = Guarded<[ContextKey: TLSContext]>([:])

  private struct ContextKey: Hashable {
    var trust: GatewayTrust
    var protocols: [String]
  }

  /// - Throws: `badURL` if the file cannot be used.
  package func check() throws(GatewayClientError) { _ = try context() }

  /// - Parameter applicationProtocols: offered by ALPN, the most wanted first.
  func context(applicationProtocols: [String] = ["http/1.1"]) throws(GatewayClientError) -> TLSContext {
    let key = ContextKey(trust: self, protocols: applicationProtocols)
    if let context = Self.contexts.withLock({ $0[key] }) { return context }
    do throws(TLSConfigurationErrors) {
      let context = try TLSContext.client(
        authorities: authorities, verifies: verifies, applicationProtocols: applicationProtocols)
      Self.contexts.withLock { $0[key] = context }
      return context
    } catch {
      throw .badURL("--ca: \(error)")
    }
  }
}

extension GatewayURL {
  /// Puts TLS first on a channel that has just been made, if the URL asks for it.
  ///
  /// - Parameters:
  ///   - applicationProtocols: offered by ALPN, the most wanted first.
  ///   - onEstablished: called once, on the event loop.
  func secure(
    _ channel: any Channel, applicationProtocols: [String] = ["http/1.1"],
    onEstablished: ((TLSSession) -> Void)? = nil
  ) throws {
    guard isSecure else { return }
    try channel.secure(
      try trust.context(applicationProtocols: applicationProtocols), host: host, onEstablished: onEstablished)
  }
}
