import Testing
import WebSocket

/// What the reader refuses: one row a rule.
struct FrameRulesTests {
  struct Row: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var bytes: [UInt8]
    var error: WebSocketError
    var closeCode: UInt16
    var role = WebSocketConnection.Role.server
    var deflate = false
  }

  static let rows: [Row] = [
    Row(
      testDescription: "an unmasked client frame", bytes: frame(.text, [0x41]), error: .unmaskedClientFrame,
      closeCode: 1002),
    Row(
      testDescription: "a masked server frame", bytes: masked(.text, [0x41]), error: .maskedServerFrame,
      closeCode: 1002,
      role: .client),
    Row(
      testDescription: "RSV1 without deflate", bytes: masked(.text, [0x41], bits: 4), error: .reservedBits(4),
      closeCode: 1002),
    Row(
      testDescription: "RSV2", bytes: masked(.text, [0x41], bits: 2), error: .reservedBits(2), closeCode: 1002,
      deflate: true),
    Row(
      testDescription: "RSV3", bytes: masked(.binary, [0x41], bits: 5), error: .reservedBits(1), closeCode: 1002,
      deflate: true),
    Row(
      testDescription: "RSV1 on a control frame", bytes: masked(.ping, [], bits: 4), error: .reservedBits(4),
      closeCode: 1002, deflate: true),
    Row(
      testDescription: "RSV1 on a continuation",
      bytes: masked(.text, [0x41], fin: false) + masked(.continuation, [0x41], bits: 4), error: .reservedBits(4),
      closeCode: 1002, deflate: true),
    Row(testDescription: "opcode 3", bytes: [0x83, 0x80, 0, 0, 0, 0], error: .reservedOpcode(3), closeCode: 1002),
    Row(testDescription: "opcode 7", bytes: [0x87, 0x80, 0, 0, 0, 0], error: .reservedOpcode(7), closeCode: 1002),
    Row(testDescription: "opcode 11", bytes: [0x8B, 0x80, 0, 0, 0, 0], error: .reservedOpcode(11), closeCode: 1002),
    Row(testDescription: "opcode 15", bytes: [0x8F, 0x80, 0, 0, 0, 0], error: .reservedOpcode(15), closeCode: 1002),
    Row(
      testDescription: "a ping of 126 bytes", bytes: masked(.ping, [UInt8](repeating: 0, count: 126)),
      error: .controlFrameTooLong(126, limit: 125), closeCode: 1002),
    Row(
      testDescription: "a close of 65,536 bytes", bytes: masked(.close, [UInt8](repeating: 0, count: 65_536)),
      error: .controlFrameTooLong(65_536, limit: 125), closeCode: 1002),
    Row(
      testDescription: "a fragmented ping", bytes: masked(.ping, [], fin: false), error: .fragmentedControlFrame(.ping),
      closeCode: 1002),
    Row(
      testDescription: "a fragmented close", bytes: masked(.close, [], fin: false),
      error: .fragmentedControlFrame(.close), closeCode: 1002),
    Row(
      testDescription: "a continuation without a start", bytes: masked(.continuation, [0x41]),
      error: .continuationWithoutStart, closeCode: 1002),
    Row(
      testDescription: "a text inside a message", bytes: masked(.binary, [1], fin: false) + masked(.text, []),
      error: .messageInsideMessage(.text), closeCode: 1002),
    Row(
      testDescription: "a binary inside a message",
      bytes: masked(.text, [], fin: false) + masked(.binary, [], fin: false), error: .messageInsideMessage(.binary),
      closeCode: 1002),
    Row(
      testDescription: "a length with its top bit set", bytes: [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
      error: .lengthTopBitSet(1 << 63 | 1), closeCode: 1002),
    Row(
      testDescription: "125 in two bytes", bytes: [0x82, 0xFE, 0, 125, 0, 0, 0, 0],
      error: .lengthNotMinimal(125, bytes: 2), closeCode: 1002),
    Row(
      testDescription: "0 in two bytes", bytes: [0x89, 0xFE, 0, 0, 0, 0, 0, 0], error: .lengthNotMinimal(0, bytes: 2),
      closeCode: 1002),
    Row(
      testDescription: "65,535 in eight bytes", bytes: [0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0],
      error: .lengthNotMinimal(65_535, bytes: 8), closeCode: 1002),
    Row(
      testDescription: "a message declared beyond the limit",
      bytes: [0x82, 0xFF, 0, 0, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0], error: .messageTooLong(1 << 17 | 1, limit: 1 << 17),
      closeCode: 1009),
    Row(
      testDescription: "a message declared as long as can be",
      bytes: masked(.text, [0x41], fin: false) + [0x80, 0xFF, 0x7F, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0],
      error: .messageTooLong(.max, limit: 1 << 17), closeCode: 1009),
    Row(
      testDescription: "a compressed message declared as long as can be",
      bytes: [0xC2, 0xFF, 0x7F, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0],
      error: .messageTooLong(.max, limit: 1 << 17), closeCode: 1009, deflate: true),
    Row(
      testDescription: "a last fragment beyond the limit",
      bytes: masked(.binary, [UInt8](repeating: 0, count: 1 << 17), fin: false) + masked(.continuation, [1]),
      error: .messageTooLong(1 << 17 | 1, limit: 1 << 17), closeCode: 1009),
    Row(
      testDescription: "text that is not UTF-8", bytes: masked(.text, [0x41, 0x42, 0xFF]),
      error: .invalidUTF8(offset: 2),
      closeCode: 1007),
    Row(
      testDescription: "text that ends inside a character", bytes: masked(.text, [0x41, 0xE2, 0x82]),
      error: .invalidUTF8(offset: 3), closeCode: 1007),
    Row(
      testDescription: "compressed text that is not UTF-8",
      bytes: masked(.text, deflated([0x41, 0xC0, 0x80]), bits: 4),
      error: .invalidUTF8(offset: 1), closeCode: 1007, deflate: true),
    Row(
      testDescription: "compressed text that ends inside a character",
      bytes: masked(.text, deflated([0xE2, 0x82]), bits: 4),
      error: .invalidUTF8(offset: 2), closeCode: 1007, deflate: true),
    Row(
      testDescription: "a block of a type that does not exist", bytes: masked(.text, [0x07], bits: 4),
      error: .invalidDeflate, closeCode: 1007, deflate: true),
    Row(
      testDescription: "a close of one byte", bytes: masked(.close, [3]), error: .closePayloadOfOneByte, closeCode: 1002
    ),
    Row(
      testDescription: "a close reason that is not UTF-8", bytes: masked(.close, [0x03, 0xE8, 0x41, 0xED, 0xA0, 0x80]),
      error: .invalidCloseReason(offset: 2), closeCode: 1007),
    Row(
      testDescription: "a close reason that ends inside a character", bytes: masked(.close, [0x03, 0xE8, 0xF0, 0x9F]),
      error: .invalidCloseReason(offset: 2), closeCode: 1007),
  ]

  @Test(arguments: rows)
  func `a broken rule is refused by its name and close code`(row: Row) {
    let heard = WebSocketConnection.reader(row.role, deflate: row.deflate).hear(row.bytes)
    #expect(heard.error == row.error)
    #expect(heard.events == [])
    #expect(heard.error?.closeCode == row.closeCode)
    #expect((1...CloseCode.maxReasonBytes).contains("\(row.error)".utf8.count))
  }

  @Test(arguments: rows)
  func `a broken rule is the same rule when the bytes come one by one`(row: Row) {
    let heard = WebSocketConnection.reader(row.role, deflate: row.deflate).hear(pieces: row.bytes.map { [$0] })
    #expect(heard == Heard(error: row.error))
  }

  @Test func `what came right before the broken rule is still heard`() {
    let heard = WebSocketConnection.reader().hear(
      masked(.ping, [1]) + masked(.text, [0x41]) + masked(.continuation, []))
    #expect(heard == Heard(events: [.ping([1]), .message(.text, [0x41])], error: .continuationWithoutStart))
  }

  @Test func `a connection that failed stays failed`() {
    let connection = WebSocketConnection.reader()
    #expect(connection.hear(frame(.ping, [])).error == .unmaskedClientFrame)
    #expect(connection.hear(masked(.ping, [])) == Heard(error: .unmaskedClientFrame))
  }

  @Test func `a message that is too long is refused before its payload`() {
    let header: [UInt8] = [0x82, 0xFE, 0x00, 0x81, 1, 2, 3, 4]
    #expect(WebSocketConnection.reader(limit: 128).hear(header).error == .messageTooLong(129, limit: 128))
    #expect(WebSocketConnection.reader(limit: 129).hear(header) == Heard())
  }

  @Test func `a message as long as the limit is heard`() {
    let payload = [UInt8](repeating: 7, count: 128)
    let heard = WebSocketConnection.reader(limit: 128).hear(masked(.binary, payload))
    #expect(heard == Heard(events: [.message(.binary, payload)]))
    let empty = WebSocketConnection.reader(limit: 0).hear(masked(.binary, []))
    #expect(empty == Heard(events: [.message(.binary, [])]))
  }
}
