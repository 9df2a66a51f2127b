import Testing
import WebSocket

/// Text must be UTF-8 (RFC 6455 section 8.1), and is refused at the first byte that cannot be.
struct UTF8Tests {
  struct Refused: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var bytes: [UInt8]
    /// The byte at which the text is lost; its count if only the end is missing.
    var offset: Int
  }

  static let refused: [Refused] = [
    Refused(testDescription: "a continuation byte alone", bytes: [0x80], offset: 0),
    Refused(testDescription: "the last continuation byte alone", bytes: [0x41, 0xBF], offset: 1),
    Refused(testDescription: "an overlong / in 2", bytes: [0xC0, 0xAF], offset: 0),
    Refused(testDescription: "the last overlong in 2", bytes: [0xC1, 0xBF], offset: 0),
    Refused(testDescription: "an overlong / in 3", bytes: [0xE0, 0x80, 0xAF], offset: 1),
    Refused(testDescription: "the last overlong in 3", bytes: [0xE0, 0x9F, 0xBF], offset: 1),
    Refused(testDescription: "an overlong / in 4", bytes: [0xF0, 0x80, 0x80, 0xAF], offset: 1),
    Refused(testDescription: "the last overlong in 4", bytes: [0xF0, 0x8F, 0xBF, 0xBF], offset: 1),
    Refused(testDescription: "the first surrogate", bytes: [0xED, 0xA0, 0x80], offset: 1),
    Refused(testDescription: "the last surrogate", bytes: [0xED, 0xBF, 0xBF], offset: 1),
    Refused(testDescription: "a pair of surrogates", bytes: [0x41, 0xED, 0xA1, 0x8C, 0xED, 0xBE, 0xB4], offset: 2),
    Refused(testDescription: "U+110000", bytes: [0xF4, 0x90, 0x80, 0x80], offset: 1),
    Refused(testDescription: "a first byte F5", bytes: [0xF5, 0x80, 0x80, 0x80], offset: 0),
    Refused(testDescription: "5 bytes", bytes: [0xF8, 0x88, 0x80, 0x80, 0x80], offset: 0),
    Refused(testDescription: "6 bytes", bytes: [0xFC, 0x84, 0x80, 0x80, 0x80, 0x80], offset: 0),
    Refused(testDescription: "FE", bytes: [0xFE], offset: 0),
    Refused(testDescription: "FF after eight letters", bytes: Array("abcdefgh".utf8) + [0xFF], offset: 8),
    Refused(testDescription: "a letter inside a character of 2", bytes: [0xC3, 0x28], offset: 1),
    Refused(testDescription: "a letter inside a character of 3", bytes: [0xE2, 0x82, 0x28], offset: 2),
    Refused(testDescription: "a letter inside a character of 4", bytes: [0xF0, 0x9F, 0x92, 0x28], offset: 3),
    Refused(testDescription: "a new start inside a character", bytes: [0xE2, 0xC3, 0xA9], offset: 1),
    Refused(testDescription: "1 of 2 at the end", bytes: [0xC3], offset: 1),
    Refused(testDescription: "2 of 3 at the end", bytes: [0xE2, 0x82], offset: 2),
    Refused(testDescription: "3 of 4 at the end", bytes: [0xF0, 0x9F, 0x92], offset: 3),
  ]

  @Test(arguments: refused)
  func `text that is not UTF-8 is refused at its byte`(row: Refused) {
    #expect(
      WebSocketConnection.reader().hear(masked(.text, row.bytes)) == Heard(error: .invalidUTF8(offset: row.offset)))
  }

  @Test(arguments: refused)
  func `fragments between any two bytes change nothing`(row: Refused) {
    for place in 0...row.bytes.count {
      let head = masked(.text, Array(row.bytes[..<place]), fin: false)
      let heard = WebSocketConnection.reader().hear(head + masked(.continuation, Array(row.bytes[place...])))
      #expect(heard == Heard(error: .invalidUTF8(offset: row.offset)))
    }
  }

  @Test(arguments: refused.filter { $0.offset < $0.bytes.count })
  func `a wrong byte is refused before the message is whole`(row: Refused) {
    let whole = masked(.text, row.bytes + [UInt8](repeating: 0x41, count: 40))
    let untilThere = Array(whole[...(6 + row.offset)])
    #expect(WebSocketConnection.reader().hear(untilThere).error == .invalidUTF8(offset: row.offset))
    #expect(WebSocketConnection.reader().hear(untilThere.dropLast()) == Heard())
  }

  @Test(
    arguments: [
      [], [0x00], [0x7F], [0xC2, 0x80], [0xDF, 0xBF], [0xE0, 0xA0, 0x80], [0xED, 0x9F, 0xBF], [0xEE, 0x80, 0x80],
      [0xEF, 0xBF, 0xBF], [0xF0, 0x90, 0x80, 0x80], [0xF4, 0x8F, 0xBF, 0xBF], [0xEF, 0xBB, 0xBF],
      Array("κόσμε 👩‍👩‍👧‍👦 abcdefghijklmnop é".utf8),
    ] as [[UInt8]])
  func `the edges of UTF-8 are text`(bytes: [UInt8]) {
    for place in 0...bytes.count {
      let head = masked(.text, Array(bytes[..<place]), fin: false)
      let heard = WebSocketConnection.reader().hear(head + masked(.continuation, Array(bytes[place...])))
      #expect(heard == Heard(events: [.message(.text, bytes)]))
    }
  }

  @Test func `every first two bytes are judged as the standard library judges them`() {
    for first in UInt8.min...UInt8.max {
      for second in UInt8.min...UInt8.max {
        // Completed by the mildest rest; a decoder that repairs changes what is not UTF-8.
        let bytes = [first, second] + [UInt8](repeating: 0x80, count: first >= 0xF0 ? 2 : first >= 0xE0 ? 1 : 0)
        let isText = Array(String(decoding: bytes, as: UTF8.self).utf8) == bytes
        let heard = WebSocketConnection.reader().hear(masked(.text, bytes))
        if (heard.error == nil) != isText { Issue.record("\(bytes) is judged otherwise: \(heard)") }
      }
    }
  }

  @Test func `binary may be anything`() {
    #expect(
      WebSocketConnection.reader().hear(masked(.binary, [0xFF, 0xC0])).events == [.message(.binary, [0xFF, 0xC0])])
  }
}
