/// A rule between several settings, each of which is good by itself.
struct ConfigurationRule: Sendable {
  /// Whose values it compares; it is judged only if all of them could be read.
  let paths: [String]
  let advice: String
  let holds: @Sendable (GatewayConfiguration) -> Bool

  static let all: [ConfigurationRule] = [
    ConfigurationRule(paths: ["admin", "listen"], advice: "give each its own port") {
      $0.admin != $0.listen || $0.listen.port == 0
    },
    ConfigurationRule(
      paths: ["limits.message_bytes", "limits.memory"], advice: "a message may take a sixteenth"
    ) { $0.limits.messageBytes <= $0.limits.memory / 16 },
    ConfigurationRule(
      paths: ["tls.client_certificates", "tls.client_authorities"],
      advice: "name the file with the authorities that sign the certificates of clients"
    ) { $0.tls.clientCertificates == .off || $0.tls.clientAuthorities != nil },
    ConfigurationRule(
      paths: ["tls.client_certificates", "tls.certificates"],
      advice: "only a gateway with certificates of its own can look at those of clients"
    ) { $0.tls.clientCertificates == .off || !$0.tls.certificates.isEmpty },
    // Nobody is told twice that the certificates are missing.
    ConfigurationRule(
      paths: ["tls.client_authorities", "tls.certificates"],
      advice: "only a gateway with certificates of its own can look at those of clients"
    ) { $0.tls.clientAuthorities == nil || $0.tls.clientCertificates != .off || !$0.tls.certificates.isEmpty },
    ConfigurationRule(
      paths: ["proxy.protocol", "proxy.trusted"], advice: "say which addresses the proxies have"
    ) { $0.proxy.protocol == .off || !$0.proxy.trusted.isEmpty },
    ConfigurationRule(paths: ["reconnect.min", "reconnect.max"], advice: "min must not be longer than max") {
      $0.reconnect.min <= $0.reconnect.max
    },
    ConfigurationRule(
      paths: ["drain.window", "drain.timeout"], advice: "the timeout must not cut the window"
    ) { $0.drain.window <= $0.drain.timeout },
  ]
}
