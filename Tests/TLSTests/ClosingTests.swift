import TLS
import Testing

@Suite struct `TLS closing` {
  let context = TLSContext.serving()

  @Test(arguments: Version.allCases) func `by the peer is told apart from a break`(version: Version) {
    let conversation = Conversation(context, version.habits)
    conversation.run()
    conversation.peer.write(Array("last".utf8))
    conversation.peer.close()
    #expect(!conversation.server.isInputEnded)
    conversation.run(inPiecesOf: 1)
    #expect(conversation.received == Array("last".utf8))
    #expect(conversation.server.isInputEnded)
    #expect(conversation.failure == nil)
  }

  @Test(arguments: Version.allCases) func `by us is told to the peer, once`(version: Version) throws {
    let conversation = Conversation(context, version.habits)
    conversation.run()
    try conversation.server.write(Array("last".utf8))
    conversation.server.close()
    conversation.run()
    #expect(conversation.peer.received == Array("last".utf8))
    #expect(conversation.peer.isInputEnded)
    conversation.server.close()
    #expect(conversation.output.isEmpty)
  }

  @Test(arguments: Version.allCases) func `of one direction leaves the other open`(version: Version) throws {
    let conversation = Conversation(context, version.habits)
    conversation.run()
    conversation.peer.close()
    conversation.run()
    #expect(conversation.server.isInputEnded)
    try conversation.server.write(Array("answer".utf8))
    conversation.server.close()
    conversation.peer.receive(conversation.takeOutput())
    #expect(conversation.peer.received == Array("answer".utf8))
    #expect(conversation.peer.isInputEnded)
  }

  @Test func `by us still takes what was under way`() {
    let conversation = Conversation(context)
    conversation.run()
    conversation.server.close()
    conversation.peer.write(Array("late".utf8))
    conversation.run()
    #expect(conversation.received == Array("late".utf8))
    #expect(conversation.failure == nil)
  }

  @Test func `what comes after the peer's end is not read`() {
    let conversation = Conversation(context)
    conversation.run()
    conversation.peer.close()
    conversation.run()
    conversation.give(Array("anything".utf8))
    #expect(conversation.failure == nil)
    #expect(conversation.received.isEmpty)
  }

  @Test func `before the handshake says nothing`() {
    let conversation = Conversation(context)
    conversation.server.close()
    #expect(conversation.output.isEmpty)
  }

  @Test func `a write after it is dropped`() throws {
    let conversation = Conversation(context)
    conversation.run()
    conversation.server.close()
    conversation.output.clear()
    try conversation.server.write(Array("late".utf8))
    #expect(conversation.output.isEmpty)
  }
}
