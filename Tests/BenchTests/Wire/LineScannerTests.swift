import Bench
import Testing

struct LineScannerTests {
  private static func scan(_ kind: LineScanner.Kind, isChunked: Bool, _ bytes: [UInt8], _ expected: [String]) throws {
    try forEverySplit(of: bytes) {
      LineScanner(kind, isChunked: isChunked)
    } feed: {
      try $0.feed($1, into: &$2)
    } check: { _, found in
      #expect(found == expected)
    }
  }

  private static let events = [
    "retry: 500\nid: a-1\nevent: hello\ndata: {\"type\":\"hello\"}\n\n", "id: a-2\ndata: {\"id\":\"a-2\"}\n\n",
    "data:{\"id\":\"a-3\"}\r\n\r\n", "event: heartbeat\ndata: {}\n\n",
  ]
  private static let data = ["{\"type\":\"hello\"}", "{\"id\":\"a-2\"}", "{\"id\":\"a-3\"}", "{}"]

  @Test func `the data of events is found wherever the bytes are split`() throws {
    try Self.scan(.events, isChunked: true, chunked(Self.events), Self.data)
    try Self.scan(.events, isChunked: false, Array(Self.events.joined().utf8), Self.data)
  }

  @Test func `lines are found wherever the bytes are split`() throws {
    let lines = ["{\"a\":1}\n", "{\"b\":\"\"}\r\n", "{}\n"]
    let expected = ["{\"a\":1}", "{\"b\":\"\"}", "{}"]
    try Self.scan(.lines, isChunked: true, chunked(lines), expected)
    try Self.scan(.lines, isChunked: false, Array(lines.joined().utf8), expected)
  }

  @Test(arguments: 1...20) func `chunks that a proxy has drawn anew change nothing`(size: Int) throws {
    let text = Array(Self.events.joined())
    let pieces = stride(from: 0, to: text.count, by: size).map { String(text[$0..<min($0 + size, text.count)]) }
    var scanner = LineScanner(.events, isChunked: true)
    var found = Collecting()
    try chunked(pieces).withUnsafeBytes { try scanner.feed($0, into: &found) }
    #expect(found.objects == Self.data)
    #expect(!scanner.isAtEnd)
  }

  @Test func `the last chunk ends the stream, an extension of a chunk means nothing`() throws {
    var scanner = LineScanner(.lines, isChunked: true)
    var found = Collecting()
    try Array("3;x=y\r\n{}\n\r\n0\r\n\r\n".utf8).withUnsafeBytes { try scanner.feed($0, into: &found) }
    #expect(found.objects == ["{}"])
    #expect(scanner.isAtEnd)
  }

  @Test func `a chunk's size that is no number is refused`() {
    var scanner = LineScanner(.lines, isChunked: true)
    var found = Collecting()
    #expect(throws: StreamFault.malformed("a chunk's size is no hexadecimal number")) {
      try Array("{}\n".utf8).withUnsafeBytes { try scanner.feed($0, into: &found) }
    }
  }
}
