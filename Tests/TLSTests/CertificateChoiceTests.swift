import COpenSSL
import TLS
import Testing

@Suite struct `Certificate by server name` {
  static let wild = TestCertificate(names: ["DNS:*.wild.test"], by: .authority)
  static let exact = TestCertificate(names: ["DNS:Exact.wild.test"], by: .authority)
  static let context = TLSContext.serving([.gateway, wild, exact])

  private func expect(
    _ certificate: TestCertificate, for name: String?, _ version: Version,
    at location: SourceLocation = #_sourceLocation
  ) {
    var habits = version.habits
    habits.serverName = name
    let conversation = Conversation(Self.context, habits)
    conversation.run()
    #expect(conversation.server.isEstablished, sourceLocation: location)
    #expect(conversation.peer.saw(certificate), sourceLocation: location)
  }

  @Test(arguments: Version.allCases) func `is the one of that name`(version: Version) {
    expect(.gateway, for: "gateway.test", version)
    expect(Self.exact, for: "exact.wild.test", version)
    expect(Self.exact, for: "EXACT.Wild.Test", version)
  }

  @Test(arguments: Version.allCases) func `is a wildcard's for one label, not for none or two`(version: Version) {
    expect(Self.wild, for: "some.wild.test", version)
    expect(.gateway, for: "wild.test", version)
    expect(.gateway, for: "two.labels.wild.test", version)
  }

  @Test(arguments: Version.allCases) func `is the first without a name, or for one that nobody has`(version: Version) {
    expect(.gateway, for: nil, version)
    expect(.gateway, for: "unknown.example", version)
  }

  @Test(arguments: [[TestCertificate.gateway, .gatewayRSA], [.gatewayRSA, .gateway]])
  func `of RSA and ECDSA for one name is what the peer can use`(certificates: [TestCertificate]) {
    let context = TLSContext.serving(certificates)
    var habits = Version.v12.habits
    for (ciphers, certificate) in [("ECDHE+aRSA", TestCertificate.gatewayRSA), ("ECDHE+aECDSA", .gateway)] {
      habits.ciphers = ciphers
      let conversation = Conversation(context, habits)
      conversation.run()
      #expect(conversation.peer.saw(certificate))
    }
    habits = Version.v13.habits
    for (signatures, certificate) in [
      ("RSA-PSS+SHA256:RSA+SHA256", TestCertificate.gatewayRSA), ("ECDSA+SHA256", .gateway),
    ] {
      habits.signatures = signatures
      let conversation = Conversation(context, habits)
      conversation.run()
      #expect(conversation.peer.saw(certificate))
    }
  }
}
