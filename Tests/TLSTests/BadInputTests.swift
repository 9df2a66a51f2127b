import COpenSSL
import TLS
import Testing

@Suite struct `Bad input` {
  let context = TLSContext.serving()

  @Test(
    arguments: ["GET / HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n", "BREW / HTCPCP/1.0\r\n"],
    [1, .max])
  func `a request in clear is told from other bytes, and gets no alert`(text: String, pieces: Int) {
    let conversation = Conversation(context)
    conversation.give(Array(text.utf8), inPiecesOf: pieces)
    #expect(conversation.failure?.reason == .clearText)
    #expect(conversation.failure?.isClearText == true)
    #expect(conversation.output.isEmpty)
  }

  @Test(arguments: 0..<200) func `bytes at random are refused, or waited on`(seed: UInt64) {
    var random = SplitMix(state: seed)
    let conversation = Conversation(context)
    conversation.give((0..<512).map { _ in UInt8.random(in: 0...255, using: &random) })
    #expect(!conversation.server.isEstablished)
    #expect(conversation.received.isEmpty)
  }

  /// Each byte of what a client says in its handshake is changed in turn; whatever OpenSSL makes of it, the session ends
  /// in order and nothing is taken for bytes in clear.
  @Test(arguments: Version.allCases) func `a byte changed anywhere in the handshake never gets through as data`(
    version: Version
  ) {
    let hello = Peer(version.habits)
    hello.receive([])
    let length = hello.takeOutput().count
    // But for the version in the record's head, which nobody looks at (RFC 8446 section 5.1).
    for place in 0..<length where place != 2 {
      let conversation = Conversation(context, version.habits)
      conversation.peer.receive([])
      var records = conversation.peer.takeOutput()
      guard place < records.count else { continue }
      records[place] ^= 0x55
      conversation.give(records)
      conversation.peer.receive(conversation.takeOutput())
      conversation.run()
      #expect(conversation.received.isEmpty)
      // The peer's hash of what was said differs from ours, wherever it was changed.
      #expect(!conversation.server.isEstablished, "byte \(place)")
    }
  }

  @Test(arguments: Version.allCases) func `a handshake cut off anywhere just waits`(version: Version) {
    let whole = Conversation(context, version.habits)
    whole.peer.receive([])
    let hello = whole.peer.takeOutput()
    for length in 0..<hello.count {
      let conversation = Conversation(context, version.habits)
      conversation.give(Array(hello.prefix(length)))
      #expect(conversation.failure == nil)
      #expect(conversation.output.isEmpty)
    }
    whole.give(hello)
    whole.peer.receive(whole.takeOutput())
    let second = whole.peer.takeOutput()
    whole.give(Array(second.dropLast()))
    #expect(whole.failure == nil)
    #expect(!whole.server.isEstablished)
    whole.give(Array(second.suffix(1)))
    #expect(whole.server.isEstablished)
  }

  @Test(arguments: Version.allCases) func `a record that was changed on its way ends the session`(version: Version) {
    let conversation = Conversation(context, version.habits)
    conversation.run()
    conversation.peer.write(Array("first".utf8))
    let good = conversation.peer.takeOutput()
    conversation.peer.write(Array("second".utf8))
    var bad = conversation.peer.takeOutput()
    bad[bad.count - 1] ^= 1
    conversation.give(good + bad)
    #expect(conversation.failure?.reason == .malformed)
    // What came before it was as it should be.
    #expect(conversation.received == Array("first".utf8))
    conversation.peer.receive(conversation.takeOutput())
    #expect(conversation.peer.failure == SSL_R_SSLV3_ALERT_BAD_RECORD_MAC)
  }

  @Test func `after a failure a session neither reads nor writes`() throws {
    let conversation = Conversation(context)
    conversation.run()
    conversation.give([23, 3, 3, 0xff, 0xff])
    #expect(conversation.failure?.reason == .malformed)
    conversation.output.clear()
    try conversation.server.write(Array("late".utf8))
    conversation.server.close()
    #expect(conversation.output.isEmpty)
    #expect(throws: TLSError.self) {
      var clear: [UInt8] = []
      try conversation.server.receive([23, 3, 3, 0, 1, 0], appendingTo: &clear)
    }
  }

  @Test func `a hello beyond 128 KiB is refused at its first bytes`() {
    let conversation = Conversation(context)
    conversation.give([22, 3, 1, 0x40, 0, 1, 0x7f, 0xff, 0xff])
    conversation.give([UInt8](repeating: 0, count: 16 << 10))
    #expect(conversation.failure?.reason == .malformed)
  }

  @Test(arguments: Version.allCases) func `more certificates than 32 KiB are refused`(version: Version) {
    let many = (0..<200).map { "DNS:\(String(repeating: "n", count: 200)).\($0).test" }
    var habits = version.habits
    habits.certificate = TestCertificate(names: many, by: .authority)
    let conversation = Conversation(.serving(asking: .required), habits)
    conversation.run()
    #expect(conversation.failure?.detail == "excessive message size")
    #expect(!conversation.server.isEstablished)
  }
}

@Suite struct `Floods` {
  let context = TLSContext.serving()

  @Test(arguments: [true, false], [1, Int.max])
  func `of new keys end the session at the limit`(asks: Bool, pieces: Int) {
    let conversation = Conversation(context, Version.v13.habits)
    conversation.run()
    for _ in 0..<TLSSession.lateMessagesLimit { conversation.peer.updateKeys(andAsk: asks) }
    conversation.give(conversation.peer.takeOutput(), inPiecesOf: pieces)
    conversation.peer.write(Array("ping".utf8))
    conversation.run()
    #expect(conversation.failure == nil)
    #expect(conversation.received == Array("ping".utf8))
    for _ in 0..<1000 { conversation.peer.updateKeys(andAsk: asks) }
    conversation.give(conversation.peer.takeOutput(), inPiecesOf: pieces)
    #expect(conversation.failure?.reason == .flood)
    // It has not gone on to answer what came after.
    #expect(conversation.output.count < 100)
  }

  @Test func `a second handshake is refused`() {
    let conversation = Conversation(context, Version.v12.habits)
    conversation.run()
    conversation.peer.renegotiate()
    conversation.give(conversation.peer.takeOutput())
    #expect(conversation.failure?.reason == .flood)
    conversation.peer.receive(conversation.takeOutput())
    #expect(conversation.peer.failure == SSL_R_NO_RENEGOTIATION)
  }

  @Test func `of empty records end the session`() {
    let conversation = Conversation(context, Version.v12.habits)
    // Records of no length before the first hello: 32 in a row are borne.
    for _ in 0..<40 { conversation.give([22, 3, 1, 0, 0]) }
    #expect(conversation.failure?.reason == .malformed)
    #expect(conversation.output.count < 100)
  }
}

/// Numbers that are the same for the same seed.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
