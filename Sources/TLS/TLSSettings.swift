/// How a server presents itself, and whom it lets in.
package struct TLSSettings: Sendable, Equatable {
  /// Two PEM files: a certificate with those between it and its root behind it, and its key.
  package struct Pair: Sendable, Equatable {
    package var certificate: String
    package var key: String

    package init(certificate: String, key: String) {
      self.certificate = certificate
      self.key = key
    }
  }

  package enum ClientCertificates: String, Sendable, CaseIterable {
    case off
    /// Asked for; one that is shown must be good.
    case optional
    case required
  }

  /// The first is for clients that name no server, or one that none of them has.
  package var certificates: [Pair]
  /// In our order of preference.
  package var applicationProtocols = ["h2", "http/1.1", "http/1.0"]
  package var clientCertificates = ClientCertificates.off
  /// A PEM file: who may vouch for clients.
  package var clientAuthorities: String?
  /// A file as `TLSTicketKey` reads it.
  package var ticketKey: String?

  package init(certificates: [Pair]) { self.certificates = certificates }
}

/// Everything that is wrong with the files, each in words that say which and what to do.
package struct TLSConfigurationErrors: Error, Sendable, CustomStringConvertible {
  package let messages: [String]

  package var description: String { messages.joined(separator: "; ") }
}

/// A certificate in force.
package struct CertificateSummary: Sendable, Equatable {
  /// Empty for one that a peer has shown.
  package let file: String
  /// Whom it is for: DNS names and addresses.
  package let names: [String]
  /// In seconds since 1970.
  package let notBefore: Int64
  package let notAfter: Int64
  package let issuer: String
  package let isSelfSigned: Bool

  package init(
    file: String, names: [String], notBefore: Int64, notAfter: Int64, issuer: String, isSelfSigned: Bool
  ) {
    self.file = file
    self.names = names
    self.notBefore = notBefore
    self.notAfter = notAfter
    self.issuer = issuer
    self.isSelfSigned = isSelfSigned
  }
}
