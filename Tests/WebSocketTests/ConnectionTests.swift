import Testing
import WebSocket

/// What the reader hears when no rule is broken.
struct ConnectionTests {
  struct Example: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var bytes: [UInt8]
    var events: [WebSocketEvent]
    var role: WebSocketConnection.Role
    var deflate = false
  }

  static let hello = Array("Hello".utf8)
  static let long = (0..<256).map { UInt8($0) }
  static let longer = [UInt8](repeating: 0xA5, count: 65_536)

  static let examples: [Example] = [
    // RFC 6455 section 5.7
    Example(
      testDescription: "an unmasked text", bytes: [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F],
      events: [.message(.text, hello)], role: .client),
    Example(
      testDescription: "a masked text", bytes: [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58],
      events: [.message(.text, hello)], role: .server),
    Example(
      testDescription: "a fragmented text", bytes: [0x01, 0x03, 0x48, 0x65, 0x6C, 0x80, 0x02, 0x6C, 0x6F],
      events: [.message(.text, hello)], role: .client),
    Example(
      testDescription: "a ping", bytes: [0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F], events: [.ping(hello)],
      role: .client),
    Example(
      testDescription: "a masked pong", bytes: [0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58],
      events: [.pong(hello)], role: .server),
    Example(
      testDescription: "256 bytes", bytes: [0x82, 0x7E, 0x01, 0x00] + long, events: [.message(.binary, long)],
      role: .client),
    Example(
      testDescription: "64 KiB", bytes: [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0] + longer,
      events: [.message(.binary, longer)], role: .client),
    // RFC 7692 section 7.2.3
    Example(
      testDescription: "a compressed text", bytes: [0xC1, 0x07, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
      events: [.message(.text, hello)], role: .client, deflate: true),
    Example(
      testDescription: "a compressed text in fragments",
      bytes: [0x41, 0x03, 0xF2, 0x48, 0xCD, 0x80, 0x04, 0xC9, 0xC9, 0x07, 0x00], events: [.message(.text, hello)],
      role: .client, deflate: true),
    Example(
      testDescription: "a compressed text without compression",
      bytes: [0xC1, 0x0B, 0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
      events: [.message(.text, hello)], role: .client, deflate: true),
    Example(
      testDescription: "a compressed text in a final block",
      bytes: [0xC1, 0x08, 0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00], events: [.message(.text, hello)],
      role: .client, deflate: true),
    Example(
      testDescription: "a compressed text in two blocks",
      bytes: [0xC1, 0x0D, 0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00],
      events: [.message(.text, hello)], role: .client, deflate: true),
    Example(
      testDescription: "an empty compressed text", bytes: [0xC1, 0x01, 0x00], events: [.message(.text, [])],
      role: .client, deflate: true),
    // Our own
    Example(
      testDescription: "an empty compressed text without a byte", bytes: [0xC1, 0x00], events: [.message(.text, [])],
      role: .client, deflate: true),
    Example(
      testDescription: "an uncompressed text where deflate was negotiated", bytes: [0x81, 0x01, 0x41],
      events: [.message(.text, [0x41])], role: .client, deflate: true),
    Example(
      testDescription: "controls inside a fragmented message",
      bytes: masked(.text, [0xE2], fin: false) + masked(.ping, [1]) + masked(.continuation, [0x82], fin: false)
        + masked(.pong, []) + masked(.continuation, [], fin: false) + masked(.continuation, [0xAC]),
      events: [.ping([1]), .pong([]), .message(.text, Array("€".utf8))], role: .server),
    Example(
      testDescription: "messages, then a close with a reason, then more",
      bytes: masked(.text, [0x41]) + masked(.binary, []) + masked(.close, [0x03, 0xE8] + hello) + masked(.ping, [])
        + [0xFF, 0xFF],
      events: [.message(.text, [0x41]), .message(.binary, []), .close(code: 1000, reason: "Hello")], role: .server),
    Example(
      testDescription: "an empty close inside a message", bytes: masked(.text, [0x41], fin: false) + masked(.close, []),
      events: [.close(code: nil, reason: "")], role: .server),
    Example(
      testDescription: "the longest control frame", bytes: masked(.ping, [UInt8](repeating: 9, count: 125)),
      events: [.ping([UInt8](repeating: 9, count: 125))], role: .server),
    Example(
      testDescription: "126 bytes", bytes: masked(.binary, [UInt8](repeating: 9, count: 126)),
      events: [.message(.binary, [UInt8](repeating: 9, count: 126))], role: .server),
    Example(
      testDescription: "65,535 bytes", bytes: masked(.binary, [UInt8](repeating: 9, count: 65_535)),
      events: [.message(.binary, [UInt8](repeating: 9, count: 65_535))], role: .server),
  ]

  @Test(arguments: examples)
  func `an example is heard whole`(example: Example) {
    let heard = WebSocketConnection.reader(example.role, deflate: example.deflate).hear(example.bytes)
    #expect(heard == Heard(events: example.events))
  }

  @Test(arguments: examples)
  func `an example split at every byte is the same`(example: Example) {
    let bytes = example.bytes
    for place in 0...bytes.count where place < 300 || place % 8_191 == 0 || place > bytes.count - 3 {
      let connection = WebSocketConnection.reader(example.role, deflate: example.deflate)
      #expect(
        connection.hear(pieces: [Array(bytes[..<place]), Array(bytes[place...])]) == Heard(events: example.events))
    }
    let oneByOne = WebSocketConnection.reader(example.role, deflate: example.deflate)
    #expect(oneByOne.hear(pieces: bytes.map { [$0] }) == Heard(events: example.events))
  }

  @Test func `a message of 65,536 fragments costs its bytes`() {
    let connection = WebSocketConnection.reader()
    var bytes = masked(.binary, [], fin: false)
    for index in 0..<65_535 { bytes += masked(.continuation, [UInt8(truncatingIfNeeded: index)], fin: false) }
    #expect(connection.hear(bytes) == Heard())
    let heard = connection.hear(masked(.continuation, [0xFF]))
    #expect(heard == Heard(events: [.message(.binary, (0..<65_536).map { UInt8(truncatingIfNeeded: $0) })]))
  }

  @Test func `two messages do not share their bytes`() {
    let connection = WebSocketConnection.reader()
    let first = connection.hear(masked(.text, [0x41, 0x42]) + masked(.text, [0x43], fin: false))
    #expect(connection.hear(masked(.continuation, [0x44])).events == [.message(.text, [0x43, 0x44])])
    #expect(first.events == [.message(.text, [0x41, 0x42])])
  }

  @Test func `an empty buffer without an address is nothing, or an empty payload`() throws {
    let empty = UnsafeRawBufferPointer(start: nil, count: 0)
    let connection = WebSocketConnection.reader(.client, deflate: true)
    try connection.receive(empty) { Issue.record("\($0) came from nothing") }
    var compressed: [UInt8] = []
    MessageDeflater().compress(empty, appendTo: &compressed)
    var bytes = frame(.text, compressed, bits: 4)
    WebSocketFrame.binary(empty, to: &bytes)
    #expect(connection.hear(bytes) == Heard(events: [.message(.text, []), .message(.binary, [])]))
    #expect(try MessageInflater().inflate(empty, limit: 0) == [])
  }

  @Test func `an emitter may ask for anything but more bytes`() throws {
    let connection = WebSocketConnection.reader()
    var closing = ClosingHandshake()
    var answer: ClosingHandshake.Answer?
    try masked(.close, [0x03, 0xE9]).withUnsafeBytes { bytes in
      try connection.receive(bytes) { event in
        if case .close(let code, _) = event { answer = closing.received(code: code) }
      }
    }
    #expect(answer == .echo(code: 1001))
  }
}
