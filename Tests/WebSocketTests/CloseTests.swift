import Testing
import WebSocket

/// Close codes and who has said goodbye.
struct CloseTests {
  @Test func `exactly the codes that may be sent are heard`() {
    var heard: [UInt16] = []
    for code in UInt16.min...UInt16.max {
      let result = WebSocketConnection.reader().hear(masked(.close, [UInt8(code >> 8), UInt8(code & 0xFF)]))
      if result.events == [.close(code: code, reason: "")] {
        heard.append(code)
      } else if result != Heard(error: .invalidCloseCode(code)) {
        Issue.record("\(code) gave \(result)")
      }
      #expect(CloseCode.isValidOnTheWire(code) == (result.error == nil))
    }
    #expect(heard == Array(1000...1003) + Array(1007...1014) + Array(3000...4999))
  }

  @Test(arguments: [nil, 1000, 4001] as [UInt16?])
  func `a peer's close is echoed once`(code: UInt16?) {
    var closing = ClosingHandshake()
    #expect(closing.maySend)
    let answer = closing.received(code: code)
    #expect(answer == .echo(code: code))
    #expect(closing.isDone)
    #expect(!closing.maySend)
    let again = closing.received(code: code)
    #expect(again == .ignore)
    let starts = closing.start()
    #expect(!starts)
  }

  @Test func `our close awaits the peer's`() {
    var closing = ClosingHandshake()
    let starts = [closing.start(), closing.start()]
    #expect(starts == [true, false])
    #expect(closing.isWaiting)
    #expect(!closing.maySend)
    let answer = closing.received(code: 1001)
    #expect(answer == .end)
    #expect(closing.isDone)
  }

  @Test func `a broken rule is told once and awaits nothing`() {
    var closing = ClosingHandshake()
    let codes = [closing.fail(.messageTooLong(2, limit: 1)), closing.fail(.invalidDeflate)]
    #expect(codes == [1009, nil])
    #expect(closing.isDone)
    let answer = closing.received(code: 1000)
    #expect(answer == .ignore)
  }

  @Test func `a broken rule after our close is not told`() {
    var closing = ClosingHandshake()
    let starts = closing.start()
    let code = closing.fail(.unmaskedClientFrame)
    #expect(starts && code == nil)
    #expect(closing.isDone)
  }
}
