import TLS
import Testing

/// Ways for a connection to end.
enum Ending: CaseIterable {
  case beforeAnyByte
  case amidTheHello
  case afterTheHello
  case withGarbage
  case withARequestInClear
  case withoutACertificate
  case idle
  case amidARecord
  case withABadRecord
  case closedByThePeer
  case closedByUs
  case resumed
}

/// What is left behind shows where this runs under the address sanitizer, which looks for leaks.
@Suite struct `Sessions that end` {
  static let context = TLSContext.serving()
  static let asking = TLSContext.serving(asking: .required)

  @Test(arguments: Ending.allCases, Version.allCases) func `leave nothing behind`(ending: Ending, version: Version)
    throws
  {
    for _ in 0..<20 {
      let context = ending == .withoutACertificate ? Self.asking : Self.context
      let conversation = Conversation(context, version.habits)
      switch ending {
      case .beforeAnyByte: break
      case .amidTheHello, .afterTheHello:
        conversation.peer.receive([])
        let hello = conversation.peer.takeOutput()
        conversation.give(ending == .afterTheHello ? hello : Array(hello.dropLast(7)))
        #expect(conversation.output.isEmpty == (ending == .amidTheHello))
      case .withGarbage:
        conversation.give([UInt8](repeating: 1, count: 64))
        #expect(conversation.failure?.reason == .malformed)
      case .withARequestInClear:
        conversation.give(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        #expect(conversation.failure?.reason == .clearText)
      case .withoutACertificate:
        conversation.run()
        #expect(conversation.failure?.reason == .certificate)
      case .idle:
        conversation.run()
        #expect(conversation.server.isEstablished)
      case .amidARecord, .withABadRecord:
        conversation.run()
        conversation.peer.write([UInt8](repeating: 7, count: 10_000))
        var record = conversation.peer.takeOutput()
        let last = record.removeLast()
        if ending == .withABadRecord { record.append(~last) }
        conversation.give(record)
        #expect((conversation.failure == nil) == (ending == .amidARecord))
      case .closedByThePeer:
        conversation.run()
        conversation.peer.close()
        conversation.run()
        #expect(conversation.server.isInputEnded)
      case .closedByUs:
        conversation.run()
        conversation.server.close()
        conversation.run()
        #expect(conversation.peer.isInputEnded)
      case .resumed:
        conversation.run()
        var habits = version.habits
        habits.resuming = conversation.peer.keeps
        let again = Conversation(context, habits)
        again.run()
        #expect(again.server.isResumed)
      }
    }
  }

  @Test func `outlive the context that they began with`() throws {
    var context: TLSContext? = .serving()
    let conversation = Conversation(context!, Peer.Habits(protocols: ["h2"]))
    context = nil
    conversation.run()
    #expect(conversation.server.applicationProtocol == "h2")
    conversation.peer.write(Array("ping".utf8))
    conversation.run()
    #expect(conversation.received == Array("ping".utf8))
  }
}
