import TLS

extension TLSContext {
  /// A server's with these certificates.
  static func serving(
    _ certificates: [TestCertificate] = [.gateway], ticketKey: TLSTicketKey = .random(),
    _ change: (inout TLSSettings, TestFolder) -> Void = { _, _ in }
  ) -> TLSContext {
    let folder = TestFolder()
    var settings = TLSSettings(
      certificates: certificates.enumerated().map { index, certificate in folder.write(certificate, as: "\(index)") })
    change(&settings, folder)
    return try! .server(settings, ticketKey: ticketKey, now: TestCertificate.now)
  }

  /// A server's that asks clients for certificates.
  static func serving(
    ticketKey: TLSTicketKey = .random(), asking rule: TLSSettings.ClientCertificates,
    vouchedForBy authority: TestCertificate = .authority
  ) -> TLSContext {
    serving(ticketKey: ticketKey) { settings, folder in
      settings.clientCertificates = rule
      settings.clientAuthorities = folder.write(authority.pem, to: "clients.pem")
    }
  }

  /// A client's that trusts the tests' authority.
  static func trusting(verifies: Bool = true, protocols: [String] = []) -> TLSContext {
    let folder = TestFolder()
    let file = folder.write(TestCertificate.authority.pem, to: "ca.pem")
    return try! .client(authorities: file, verifies: verifies, applicationProtocols: protocols)
  }
}
