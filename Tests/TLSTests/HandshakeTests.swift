import COpenSSL
import TLS
import Testing

/// The versions that are spoken, as OpenSSL numbers them.
enum Version: CaseIterable, CustomTestStringConvertible {
  case v12
  case v13

  var number: Int32 { self == .v12 ? TLS1_2_VERSION : TLS1_3_VERSION }
  var name: String { self == .v12 ? "TLSv1.2" : "TLSv1.3" }
  var testDescription: String { name }

  /// A peer's habits that speaks nothing else.
  var habits: Peer.Habits { Peer.Habits(oldest: number, newest: number) }
}

@Suite struct `TLS handshake` {
  let context = TLSContext.serving()

  @Test(arguments: Version.allCases, [1, 3, Int.max])
  func `is made however its bytes are cut`(version: Version, pieces: Int) throws {
    let conversation = Conversation(context, version.habits)
    conversation.run(inPiecesOf: pieces)
    #expect(conversation.failure == nil)
    #expect(conversation.server.isEstablished && conversation.peer.isEstablished)
    #expect(conversation.server.version == version.name)
    #expect(!conversation.server.isResumed)
    #expect(conversation.peer.saw(.gateway))
    conversation.peer.write(Array("ping".utf8))
    try conversation.server.write(Array("pong".utf8))
    conversation.run(inPiecesOf: pieces)
    #expect(conversation.received == Array("ping".utf8))
    #expect(conversation.peer.received == Array("pong".utf8))
  }

  @Test func `takes TLS 1.3 where both know it`() {
    let conversation = Conversation(context)
    conversation.run()
    #expect(conversation.server.version == "TLSv1.3")
  }

  @Test(arguments: [TLS1_VERSION, TLS1_1_VERSION])
  func `is refused below TLS 1.2, and the peer is told`(version: Int32) {
    let habits = Peer.Habits(oldest: version, newest: version, ciphers: "DEFAULT@SECLEVEL=0")
    let conversation = Conversation(context, habits)
    conversation.run()
    #expect(conversation.failure?.reason == .version)
    #expect(conversation.peer.failure == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION)
  }

  @Test(arguments: ["AES128-SHA", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA"])
  func `is refused without a good cipher in common`(cipher: String) {
    var habits = Version.v12.habits
    habits.ciphers = cipher
    let conversation = Conversation(context, habits)
    conversation.run()
    #expect(conversation.failure?.reason == .cipher)
    #expect(conversation.peer.failure != nil)
  }

  @Test(arguments: Version.allCases)
  func `carries a mebibyte each way`(version: Version) throws {
    let conversation = Conversation(context, version.habits)
    conversation.run()
    let bytes = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    conversation.peer.write(bytes)
    try conversation.server.write(bytes)
    conversation.run(inPiecesOf: 10_000)
    #expect(conversation.received == bytes)
    #expect(conversation.peer.received == bytes)
  }

  @Test(arguments: [(1, 1), (128, 1), (16 << 10, 1), (16 << 10 + 1, 2), (64 << 10, 4)])
  func `a write makes as few records as can be`(length: Int, records: Int) throws {
    let conversation = Conversation(context)
    conversation.run()
    try conversation.server.write([UInt8](repeating: 7, count: length))
    var rest = conversation.takeOutput()[...]
    var found = 0
    while rest.count >= 5 {
      // Type, version, and the length of what follows (RFC 8446 section 5.1).
      let parts = Array(rest.prefix(5))
      #expect(parts[0] == 23)
      rest = rest.dropFirst(5 + Int(parts[3]) << 8 + Int(parts[4]))
      found += 1
    }
    #expect(found == records)
  }
}
