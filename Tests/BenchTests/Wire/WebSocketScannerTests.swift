import Bench
import Testing

struct WebSocketScannerTests {
  private static let long = String(repeating: "x", count: 300)
  private static let longest = String(repeating: "y", count: 70_000)

  private static func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
    switch payload.count {
    case ..<126: [first, UInt8(payload.count)] + payload
    case ..<65_536: [first, 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)] + payload
    default: [first, 127] + (0..<8).reversed().map { UInt8(payload.count >> ($0 * 8) & 255) } + payload
    }
  }

  private static func text(_ text: String) -> [UInt8] { frame(0x81, Array(text.utf8)) }

  private static func scan(_ bytes: [UInt8]) throws -> [String] {
    var scanner = WebSocketScanner()
    var found = Collecting()
    try bytes.withUnsafeBytes { try scanner.feed($0, into: &found) }
    return found.objects
  }

  @Test func `messages are found wherever the bytes are split`() throws {
    let bytes = Self.text("{}") + Self.text("") + Self.text(Self.long) + Self.text("last")
    try forEverySplit(of: bytes, WebSocketScanner.init) {
      try $0.feed($1, into: &$2)
    } check: { _, found in
      #expect(found == ["{}", "", Self.long, "last"])
    }
  }

  @Test func `a length of eight bytes is read`() throws {
    #expect(try Self.scan(Self.text(Self.longest) + Self.text("next")) == [Self.longest, "next"])
  }

  @Test func `fragments are joined, with a ping between them`() throws {
    let fragments = Self.frame(0x01, Array("ab".utf8)) + Self.frame(0x89, [7]) + Self.frame(0x80, Array("cd".utf8))
    try forEverySplit(of: fragments + Self.text("next"), WebSocketScanner.init) {
      try $0.feed($1, into: &$2)
    } check: { scanner, found in
      var scanner = scanner
      #expect(found == ["abcd", "next"])
      #expect(scanner.takePing() == [7])
      #expect(scanner.takePing() == nil)
    }
  }

  @Test func `a close frame ends it with its code`() {
    #expect(throws: StreamFault.closed(code: 1012)) { try Self.scan(Self.frame(0x88, [0x03, 0xF4])) }
    #expect(throws: StreamFault.closed(code: 1005)) { try Self.scan(Self.frame(0x88, [])) }
  }

  @Test(
    arguments: [
      [0x81, 0x80, 0, 0, 0, 0], [0xC1, 0x00], [0x82, 0x00], [0x80, 0x00], [0x83, 0x00],
      [0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0],
    ] as [[UInt8]])
  func `what no gateway sends is refused`(bytes: [UInt8]) {
    #expect(throws: StreamFault.self) { try Self.scan(bytes) }
  }
}
