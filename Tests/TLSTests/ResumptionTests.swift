import TLS
import Testing

@Suite struct `Resumption` {
  /// - Returns: the peer that comes back to `second` with what `first` gave it.
  private func comeBack(
    from first: TLSContext, to second: TLSContext, _ habits: Peer.Habits
  ) -> Conversation {
    let conversation = Conversation(first, habits)
    conversation.run()
    #expect(conversation.failure == nil && !conversation.server.isResumed)
    var habits = habits
    habits.resuming = conversation.peer.keeps
    let again = Conversation(second, habits)
    again.run()
    #expect(again.failure == nil)
    #expect(again.server.isEstablished && again.server.isResumed == again.peer.isResumed)
    return again
  }

  @Test(arguments: Version.allCases, [1, Int.max]) func `works on one context`(version: Version, pieces: Int) throws {
    let context = TLSContext.serving()
    let again = comeBack(from: context, to: context, version.habits)
    #expect(again.server.isResumed)
    #expect(again.server.version == version.name)
    again.peer.write(Array("ping".utf8))
    try again.server.write(Array("pong".utf8))
    again.run(inPiecesOf: pieces)
    #expect(again.received == Array("ping".utf8))
    #expect(again.peer.received == Array("pong".utf8))
  }

  @Test(arguments: Version.allCases) func `works on another node with the same ticket key`(version: Version) {
    let key = TLSTicketKey.random()
    let again = comeBack(from: .serving(ticketKey: key), to: .serving(ticketKey: key), version.habits)
    #expect(again.server.isResumed)
  }

  @Test(arguments: Version.allCases) func `works after the certificate was renewed`(version: Version) {
    let key = TLSTicketKey.random()
    let renewed = TestCertificate(names: ["DNS:gateway.test"], by: .authority)
    let again = comeBack(from: .serving(ticketKey: key), to: .serving([renewed], ticketKey: key), version.habits)
    #expect(again.server.isResumed)
  }

  @Test(arguments: Version.allCases) func `works for a certificate that was chosen by name`(version: Version) {
    let other = TestCertificate(names: ["DNS:other.test"], by: .authority)
    let context = TLSContext.serving([.gateway, other])
    var habits = version.habits
    habits.serverName = "other.test"
    let again = comeBack(from: context, to: context, habits)
    #expect(again.server.isResumed)
  }

  @Test(arguments: Version.allCases) func `is a whole handshake under another ticket key`(version: Version) {
    let again = comeBack(from: .serving(), to: .serving(), version.habits)
    #expect(!again.server.isResumed)
  }

  @Test(arguments: Version.allCases, [TLSSettings.ClientCertificates.optional, .required])
  func `works with client certificates`(version: Version, rule: TLSSettings.ClientCertificates) {
    let key = TLSTicketKey.random()
    var habits = version.habits
    habits.certificate = .client
    let again = comeBack(
      from: .serving(ticketKey: key, asking: rule), to: .serving(ticketKey: key, asking: rule), habits)
    #expect(again.server.isResumed)
  }

  /// A ticket says that its holder was let in once. It must not let him in where more is asked for since.
  @Test(arguments: Version.allCases) func `does not get around a certificate that is required since`(version: Version) {
    let key = TLSTicketKey.random()
    let before = Conversation(.serving(ticketKey: key), version.habits)
    before.run()
    var habits = version.habits
    habits.resuming = before.peer.keeps
    let again = Conversation(.serving(ticketKey: key, asking: .required), habits)
    again.run()
    #expect(again.failure?.reason == .certificate)
  }

  @Test(arguments: Version.allCases) func `does not get around authorities that are no longer trusted`(version: Version)
  {
    let key = TLSTicketKey.random()
    var habits = version.habits
    habits.certificate = .client
    let before = Conversation(.serving(ticketKey: key, asking: .required), habits)
    before.run()
    habits.resuming = before.peer.keeps
    let again = Conversation(.serving(ticketKey: key, asking: .required, vouchedForBy: .stranger), habits)
    again.run()
    #expect(again.failure?.reason == .certificate)
  }
}
