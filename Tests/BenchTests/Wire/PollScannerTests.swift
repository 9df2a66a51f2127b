import Bench
import Testing

struct PollScannerTests {
  private static func answer(_ body: String, status: String = "200 OK") -> [UInt8] {
    Array("HTTP/1.1 \(status)\r\ncontent-LENGTH:  \(body.utf8.count) \r\nDate: now\r\n\r\n\(body)".utf8)
  }

  private static let body = #"{"items":[{"id":"a-1","data":{"x":[1,"}]\"{"]}},{"type":"gap","id":"a-2"}],"next":"a-2"}"#
  private static let items = [#"{"id":"a-1","data":{"x":[1,"}]\"{"]}}"#, #"{"type":"gap","id":"a-2"}"#]

  /// Feeds it, and counts the answers.
  private struct Counted {
    var scanner = PollScanner()
    var answers = 0
  }

  @Test func `items and the next position are found wherever the bytes are split`() throws {
    try forEverySplit(of: Self.answer(Self.body), Counted.init) {
      if try $0.scanner.feed($1, into: &$2) { $0.answers += 1 }
    } check: { counted, found in
      #expect(found == Self.items)
      #expect(counted.answers == 1)
      #expect(counted.scanner.next == Array("a-2".utf8))
    }
  }

  @Test func `an answer in chunks is read as well`() throws {
    let head = Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
    let bytes = head + chunked([String(Self.body.prefix(20)), String(Self.body.dropFirst(20))])
    try forEverySplit(of: bytes + Array("0\r\n\r\n".utf8), Counted.init) {
      if try $0.scanner.feed($1, into: &$2) { $0.answers += 1 }
    } check: { counted, found in
      #expect(found == Self.items)
      #expect(counted.answers == 1)
    }
  }

  @Test func `one connection has answer after answer`() throws {
    var scanner = PollScanner()
    var found = Collecting()
    for next in ["a-1", "a-20"] {
      let isAnswered = try Self.answer(#"{"items":[],"next":"\#(next)"}"#).withUnsafeBytes {
        try scanner.feed($0, into: &found)
      }
      #expect(isAnswered)
      #expect(scanner.next == Array(next.utf8))
    }
    #expect(found.objects.isEmpty)
  }

  @Test func `a refusal says why`() {
    var scanner = PollScanner()
    var found = Collecting()
    let problem = Self.answer(#"{"title":"Going away","detail":"come back later"}"#, status: "503 Service Unavailable")
    #expect(throws: StreamFault.refused(status: 503, detail: "come back later")) {
      try problem.withUnsafeBytes { try scanner.feed($0, into: &found) }
    }
  }

  @Test(arguments: [
    "no answer at all, whatever it may be\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxx",
    "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"items\":[\"",
    "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"items\":[]}",
  ])
  func `what is no poll's answer is refused`(text: String) {
    var scanner = PollScanner()
    var found = Collecting()
    #expect(throws: StreamFault.self) {
      try Array(text.utf8).withUnsafeBytes { try scanner.feed($0, into: &found) }
    }
  }
}
