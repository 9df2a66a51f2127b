import COpenSSL
import TLS
import Testing

@Suite struct `Client certificates` {
  private func conversation(
    _ rule: TLSSettings.ClientCertificates, showing certificate: TestCertificate?, _ version: Version
  ) -> Conversation {
    var habits = version.habits
    habits.certificate = certificate
    let conversation = Conversation(.serving(asking: rule), habits)
    conversation.run()
    return conversation
  }

  @Test(arguments: Version.allCases) func `are not asked for unless that was set`(version: Version) {
    #expect(conversation(.off, showing: .stranger, version).server.isEstablished)
  }

  @Test(arguments: Version.allCases, [TLSSettings.ClientCertificates.optional, .required])
  func `let in whom the authority vouches for`(version: Version, rule: TLSSettings.ClientCertificates) {
    #expect(conversation(rule, showing: .client, version).server.isEstablished)
  }

  @Test(arguments: Version.allCases) func `may be missing where they are optional`(version: Version) {
    #expect(conversation(.optional, showing: nil, version).server.isEstablished)
  }

  @Test(arguments: Version.allCases) func `must be there where they are required`(version: Version) {
    let conversation = conversation(.required, showing: nil, version)
    #expect(conversation.failure?.reason == .certificate)
    #expect(!conversation.server.isEstablished)
    #expect(conversation.peer.failure != nil)
  }

  @Test(arguments: Version.allCases, [TLSSettings.ClientCertificates.optional, .required])
  func `of a stranger are refused, with the reason`(version: Version, rule: TLSSettings.ClientCertificates) {
    let certificate = TestCertificate(name: "client 8", by: .stranger)
    let conversation = conversation(rule, showing: certificate, version)
    #expect(conversation.failure?.reason == .certificate)
    #expect(conversation.failure?.detail.contains("unable to get local issuer certificate") == true)
    #expect(!conversation.server.isEstablished)
    #expect(conversation.peer.failure != nil)
  }

  @Test(arguments: Version.allCases) func `that have ended are refused, with the reason`(version: Version) {
    let certificate = TestCertificate(name: "client 9", by: .authority, begins: -20, ends: -10)
    let conversation = conversation(.required, showing: certificate, version)
    #expect(conversation.failure?.reason == .certificate)
    #expect(conversation.failure?.detail.contains("has expired") == true)
  }
}
