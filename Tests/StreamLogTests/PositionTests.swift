import StreamLog
import Testing

struct PositionTests {
  @Test(arguments: ["4fk2q9-1042", "a-0", "z9-1", "0-18446744073709551615", String(repeating: "e", count: 32) + "-7"])
  func `an id is an epoch and an offset, and written as it was read`(text: String) throws {
    let position = try #require(Position(text))
    #expect(position.description == text)
    #expect(position.epoch.string == text.split(separator: "-").first.map(String.init))
    #expect(Position(Substring("x\(text)y").dropFirst().dropLast()) == position)
  }

  @Test(arguments: [
    "", "-", "a", "a-", "-1", "4fk2q9", "4fk2q9-01", "4fk2q9-00", "4fk2q9-+1", "4fk2q9--1", "4fk2q9-1 ", " 4fk2q9-1",
    "A-1", "é-1", "a-é", "a-1\u{301}", "a-\u{301}1", "a-b-1", "a_b-1", "a-18446744073709551616", "a-1x", "a-0x1",
    "earliest", String(repeating: "e", count: 33) + "-7",
  ])
  func `nothing else is an id`(text: String) {
    #expect(Position(text) == nil)
  }

  @Test func `a new epoch is a good name, and another one each time`() {
    var random = SystemRandomNumberGenerator()
    let epochs = (0..<1_000).map { _ in Epoch.random(using: &random) }
    for epoch in epochs {
      #expect(Epoch(epoch.string) == epoch)
      #expect(epoch.description.utf8.count == 8)
    }
    #expect(Set(epochs).count > 990)
  }
}
