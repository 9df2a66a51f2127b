import COpenSSL
import TLS
import Testing

@Suite struct `Application protocol` {
  let context = TLSContext.serving { settings, _ in settings.applicationProtocols = ["h2", "http/1.1"] }

  private func conversation(offering protocols: [String], _ version: Version) -> Conversation {
    var habits = version.habits
    habits.protocols = protocols
    let conversation = Conversation(context, habits)
    conversation.run()
    return conversation
  }

  @Test(arguments: Version.allCases) func `is the one that we like most of those offered`(version: Version) {
    for (offer, chosen) in [
      (["http/1.1", "h2"], "h2"), (["h3", "http/1.1"], "http/1.1"), (["h2"], "h2"),
      (["h", "h22", "http/1.1"], "http/1.1"),
    ] {
      let conversation = conversation(offering: offer, version)
      #expect(conversation.server.applicationProtocol == chosen)
      #expect(conversation.peer.applicationProtocol == chosen)
    }
  }

  @Test(arguments: Version.allCases) func `is none where none was offered`(version: Version) {
    let conversation = conversation(offering: [], version)
    #expect(conversation.server.isEstablished)
    #expect(conversation.server.applicationProtocol == nil)
  }

  @Test(arguments: Version.allCases)
  func `in common must be one where some were offered, and the peer is told`(version: Version) {
    let conversation = conversation(offering: ["spdy/3", "h3"], version)
    #expect(conversation.failure?.reason == .applicationProtocol)
    #expect(conversation.peer.failure == SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL)
  }

  /// `curl --http1.0` offers it alone.
  @Test func `may be HTTP/1.0 unless something else was set`() {
    let conversation = Conversation(.serving(), Peer.Habits(protocols: ["http/1.0"]))
    conversation.run()
    #expect(conversation.server.applicationProtocol == "http/1.0")
  }
}
