import HTTPSyntax
import NIOCore
import TestSupport
import Testing

struct ResponseParserTests {
  /// The events of a response as text; the body as one string, because its pieces depend on how the bytes are split.
  private static func parse(
    _ text: String, to method: HTTPMethod = .GET, splitAt splits: [Int] = [], ends: Bool = true,
    limits: HTTPLimits = .response
  ) -> [String] {
    var parser = ResponseParser(to: method, limits: limits)
    var events: [String] = []
    var body = ""
    func take() throws(HTTPSyntaxError) {
      while let event = try parser.next() {
        switch event {
        case .head(let head):
          let fields = head.headers.map { " \($0.name)=\($0.value)" }.joined()
          events.append(
            "\(head.version.minor) \(head.status) \(head.framing)\(head.keepsAlive ? " keeps" : "")\(fields)")
        case .body(let bytes): body += String(buffer: bytes)
        case .end: events.append("end \(body)")
        }
      }
    }
    let bytes = Array(text.utf8)
    do throws(HTTPSyntaxError) {
      var start = 0
      for end in splits + [bytes.count] {
        parser.receive(ByteBuffer(bytes: bytes[start..<end]))
        start = end
        try take()
      }
      if ends {
        parser.receiveEnd()
        try take()
      }
    } catch {
      events.append("\(error)")
    }
    let rest = parser.takeRest()
    if events.last?.hasPrefix("end") == true, rest.readableBytes > 0 { events.append("rest \(String(buffer: rest))") }
    return events
  }

  // MARK: - Framing (RFC 9112 section 6.3)

  private static let responses: [(text: String, method: HTTPMethod, events: [String])] = [
    (
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", .GET,
      ["1 200 length(5) keeps Content-Length=5", "end hello"]
    ),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .GET, ["1 200 none keeps Content-Length=0", "end "]),
    (
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n000\r\nTrailer: t\r\n\r\n",
      .GET,
      ["1 200 chunked keeps Transfer-Encoding=Chunked", "end hello!"]
    ),
    ("HTTP/1.1 200 OK\r\n\r\nuntil the end", .GET, ["1 200 untilEnd", "end until the end"]),
    ("HTTP/1.1 200 OK\r\n\r\n", .GET, ["1 200 untilEnd", "end "]),
    ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\na", .GET, ["0 200 untilEnd Connection=keep-alive", "end a"]),
    // No body, whatever the fields say.
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", .HEAD, ["1 200 none keeps Content-Length=5", "end "]),
    (
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .HEAD,
      ["1 200 none keeps Transfer-Encoding=chunked", "end "]
    ),
    ("HTTP/1.1 200 OK\r\n\r\n", .HEAD, ["1 200 none keeps", "end "]),
    ("HTTP/1.1 204 No Content\r\n\r\n", .GET, ["1 204 none keeps", "end "]),
    ("HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n", .GET, ["1 304 none keeps Content-Length=5", "end "]),
    // Informational responses come before the response; 101 is one.
    (
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 204 X\r\n\r\n", .GET,
      ["1 204 none keeps", "end "]
    ),
    (
      "HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\nframes", .GET,
      ["1 101 none Upgrade=websocket", "end ", "rest frames"]
    ),
    // Bytes behind the response.
    (
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1", .GET,
      ["1 200 length(1) keeps Content-Length=1", "end a", "rest HTTP/1.1"]
    ),
    // Status lines
    ("HTTP/1.1 204\r\n\r\n", .GET, ["1 204 none keeps", "end "]),
    ("HTTP/1.1 204 \r\n\r\n", .GET, ["1 204 none keeps", "end "]),
    ("HTTP/1.1 204 Kein  Inhalt, größer\r\n\r\n", .GET, ["1 204 none keeps", "end "]),
    ("HTTP/1.7 599 X\r\nContent-Length: 0\r\n\r\n", .GET, ["1 599 none keeps Content-Length=0", "end "]),
    // Fields
    (
      "HTTP/1.1 204 X\r\na:b\r\nA: \t c d\t \r\nEmpty:\r\n\r\n", .GET,
      ["1 204 none keeps a=b A=c d Empty=", "end "]
    ),
    ("HTTP/1.1 204 X\r\nA: größer\r\n\r\n", .GET, ["1 204 none keeps A=größer", "end "]),
  ]

  @Test(arguments: responses)
  func `Each framing ends the body where RFC 9112 says`(text: String, method: HTTPMethod, events: [String]) {
    #expect(Self.parse(text, to: method) == events)
  }

  @Test(arguments: responses)
  func `A response split in two at any byte gives the same events`(
    text: String, method: HTTPMethod, events: [String]
  ) {
    for split in 0...text.utf8.count { #expect(Self.parse(text, to: method, splitAt: [split]) == events) }
    #expect(Self.parse(text, to: method, splitAt: Array(0..<text.utf8.count)) == events)
  }

  @Test func `Body bytes are returned as they arrive`() throws {
    for head in ["Content-Length: 9", "Transfer-Encoding: chunked", "X: y"] {
      var parser = ResponseParser(to: .GET)
      parser.receive(ByteBuffer(string: "HTTP/1.1 200 OK\r\n\(head)\r\n\r\n"))
      guard case .head = try parser.next() else {
        Issue.record("no head")
        return
      }
      #expect(try parser.next() == nil)
      parser.receive(ByteBuffer(string: head.hasPrefix("T") ? "9\r\nabc" : "abc"))
      #expect(try parser.next() == .body(ByteBuffer(string: "abc")))
      #expect(try parser.next() == nil)
      #expect(parser.bufferedBytes == 0)
    }
  }

  @Test(arguments: [
    ("1.1", "", true), ("1.1", "Connection: close\r\n", false), ("1.1", "Connection: foo , CLOSE\r\n", false),
    ("1.1", "Connection: keep-alive\r\nconnection: close\r\n", false), ("1.0", "", false),
    ("1.0", "Connection: Keep-Alive\r\n", true), ("1.0", "Connection: keep-alive, close\r\n", false),
  ])
  func `The version and Connection decide whether the connection goes on`(version: String, fields: String, keeps: Bool)
  {
    let head = Self.parse("HTTP/\(version) 200 OK\r\nContent-Length: 0\r\n\(fields)\r\n")[0]
    #expect(head.contains(" keeps") == keeps)
  }

  // MARK: - The end of the connection

  @Test(arguments: [
    "", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "HTTP/1.1 100 Continue\r\n\r\n",
  ])
  func `A connection that ends within the response is an error`(text: String) {
    #expect(Self.parse(text).last == "unexpectedEnd")
    #expect(Self.parse(text, ends: false).contains { $0.hasPrefix("end") || $0 == "unexpectedEnd" } == false)
  }

  // MARK: - Malformed input

  @Test(arguments: [
    // Start of the response: refused at its first byte, because a line end may never arrive.
    ("S", HTTPSyntaxError.malformedVersion), ("SSH-2.0-OpenSSH_9\r\n", .malformedVersion), ("\r\n", .malformedVersion),
    ("\u{16}\u{3}\u{1}", .malformedVersion), ("HTTP/2", .malformedVersion),
    ("http/1.1 200 OK\r\n\r\n", .malformedVersion),
    ("HTTP/1.x 200 OK\r\n\r\n", .malformedVersion),
    // Status line
    ("HTTP/1.1\r\n\r\n", .malformedStatusLine), ("HTTP/1.1  200 OK\r\n\r\n", .malformedStatusLine),
    ("HTTP/1.1 20 OK\r\n\r\n", .malformedStatusLine), ("HTTP/1.1 2000 OK\r\n\r\n", .malformedStatusLine),
    ("HTTP/1.1 2x0 OK\r\n\r\n", .malformedStatusLine), ("HTTP/1.1 099 OK\r\n\r\n", .malformedStatusLine),
    ("HTTP/1.1\t200 OK\r\n\r\n", .malformedStatusLine), ("HTTP/1.10 200 OK\r\n\r\n", .malformedStatusLine),
    // Line ends and control bytes
    ("HTTP/1.1 200 OK\n", .bareLineEnd), ("HTTP/1.1 200 OK\r\nA: b\n", .bareLineEnd),
    ("HTTP/1.1 200 OK\rA", .bareLineEnd), ("HTTP/1.1 200 OK\r\nA: b\rc", .bareLineEnd),
    ("HTTP/1.1 200 OK\r\nA: b\0", .controlByte(0)), ("HTTP/1.1 200 \u{1B}", .controlByte(0x1B)),
    ("HTTP/1.1 200 OK\r\nA: \u{7F}", .controlByte(0x7F)),
    // Fields
    ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", .foldedHeader), ("HTTP/1.1 200 OK\r\n A: b\r\n\r\n", .foldedHeader),
    ("HTTP/1.1 200 OK\r\nA\r\n\r\n", .headerWithoutColon), ("HTTP/1.1 200 OK\r\n: b\r\n\r\n", .emptyHeaderName),
    ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", .malformedHeaderName),
    ("HTTP/1.1 200 OK\r\nA(: b\r\n\r\n", .malformedHeaderName),
    ("HTTP/1.1 100 Continue\r\nA\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", .headerWithoutColon),
    ("HTTP/1.1 100 Continue\r\n\r\nX", .malformedVersion),
  ])
  func `A malformed head is refused by the rule it breaks`(text: String, error: HTTPSyntaxError) {
    #expect(Self.parse(text, ends: false) == ["\(error)"])
    #expect(Self.parse(text, splitAt: Array(0..<text.utf8.count), ends: false) == ["\(error)"])
  }

  @Test(arguments: [
    ("Content-Length: 5\r\nContent-Length: 5", HTTPSyntaxError.contentLengthRepeated),
    ("Content-Length: 5, 5", .contentLengthInvalid), ("Content-Length: +5", .contentLengthInvalid),
    ("Content-Length: -1", .contentLengthInvalid), ("Content-Length:", .contentLengthInvalid),
    ("Content-Length: 9999999999999999999", .contentLengthInvalid), ("Content-Length: ٥", .contentLengthInvalid),
    ("Content-Length: 5\r\nTransfer-Encoding: chunked", .contentLengthWithTransferEncoding),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .transferEncodingInvalid),
    ("Transfer-Encoding: gzip, chunked", .transferCodingUnknown("gzip, chunked")),
    ("Transfer-Encoding: identity", .transferCodingUnknown("identity")),
    ("Transfer-Encoding:", .transferCodingUnknown("")),
  ])
  func `A doubtful body framing is refused`(fields: String, error: HTTPSyntaxError) {
    #expect(Self.parse("HTTP/1.1 200 OK\r\n\(fields)\r\n\r\n5\r\nhello\r\n0\r\n\r\n") == ["\(error)"])
  }

  @Test func `HTTP 1.0 has no chunks`() {
    let text = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    #expect(Self.parse(text) == ["\(HTTPSyntaxError.transferEncodingOnHTTP10)"])
  }

  @Test(arguments: [
    ("x\r\n", HTTPSyntaxError.chunkSizeInvalid), ("-1\r\n", .chunkSizeInvalid), ("0x1\r\n", .chunkSizeInvalid),
    ("1 \r\na\r\n", .chunkSizeInvalid), ("\r\n", .chunkSizeInvalid), ("8000000000000000\r\n", .chunkSizeInvalid),
    ("1\na\r\n", .bareLineEnd), ("1;\0\r\n", .controlByte(0)), ("1\r\nab", .chunkEndMissing),
    ("1\r\na\n", .chunkEndMissing), ("0\r\nX\r\n", .headerWithoutColon), ("0\r\n X: a\r\n", .foldedHeader),
    ("0\r\n\n", .bareLineEnd),
  ])
  func `A malformed chunk is refused`(chunks: String, error: HTTPSyntaxError) {
    let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(chunks)"
    #expect(Self.parse(text, ends: false).last == "\(error)")
    #expect(Self.parse(text, splitAt: Array(0..<text.utf8.count), ends: false).last == "\(error)")
  }

  @Test func `Every error has a sentence about a response`() {
    for error: HTTPSyntaxError in [
      .bareLineEnd, .controlByte(7), .contentLengthRepeated, .contentLengthWithTransferEncoding, .unexpectedEnd,
      .transferEncodingOnHTTP10, .tooManyHeaders(limit: 3), .malformedVersion,
    ] {
      #expect(!error.sentence(for: .response).contains("request"))
    }
    #expect(HTTPSyntaxError.controlByte(7).sentence(for: .response) == "byte 0x7 is not allowed in a response's head")
    #expect(
      HTTPSyntaxError.malformedVersion.sentence(for: .response) == "the first line must begin with HTTP/1.1 or HTTP/1.0"
    )
    #expect(
      HTTPSyntaxError.malformedVersion.sentence(for: .request) == "the first line must end with HTTP/1.1 or HTTP/1.0")
  }

  // MARK: - Limits

  @Test func `Each limit holds to the byte`() {
    let limits = HTTPLimits(startLine: 20, headerBytes: 40, headerCount: 2)
    func head(_ reason: Int, _ fields: String) -> String {
      "HTTP/1.1 204 \(String(repeating: "x", count: reason))\r\n\(fields)"
    }
    #expect(Self.parse(head(7, "\r\n"), limits: limits) == ["1 204 none keeps", "end "])
    #expect(Self.parse(head(8, "\r\n"), limits: limits) == ["statusLineTooLong(limit: 20)"])
    // The line is refused although its end never arrives.
    #expect(Self.parse("HTTP/1.1 204 xxxxxxxx", limits: limits) == ["statusLineTooLong(limit: 20)"])
    let value = String(repeating: "x", count: 37)
    #expect(Self.parse(head(0, "A: \(value)\r\n\r\n"), limits: limits).last == "end ")
    #expect(Self.parse(head(0, "A: \(value)x"), limits: limits) == ["headersTooLarge(limit: 40)"])
    #expect(Self.parse(head(0, "A: a\r\nB: b\r\n\r\n"), limits: limits).last == "end ")
    #expect(Self.parse(head(0, "A: a\r\nB: b\r\nC: c\r\n\r\n"), limits: limits) == ["tooManyHeaders(limit: 2)"])
  }

  @Test func `A response may have 256 fields and 128 KiB of them`() {
    let fields = (0..<256).map { "X-\($0): \(String(repeating: "x", count: 480))\r\n" }.joined()
    #expect(Self.parse("HTTP/1.1 204 X\r\n\(fields)\r\n").last == "end ")
    #expect(Self.parse("HTTP/1.1 204 X\r\n\(fields)X: y\r\n\r\n") == ["tooManyHeaders(limit: 256)"])
    let long = "X: \(String(repeating: "x", count: 128 << 10))\r\n"
    #expect(Self.parse("HTTP/1.1 204 X\r\n\(long)\r\n") == ["headersTooLarge(limit: 131072)"])
  }

  // MARK: - Fuzzing

  private static let seeds = (try? FuzzCorpus.inputs(of: "HTTPSyntaxFuzzer")) ?? []

  @Test func `Every seed of the fuzzer passes, whole and cut off anywhere`() {
    #expect(Self.seeds.count >= 20)
    for seed in Self.seeds {
      for end in 0...seed.count { responseParserFuzzTarget(Array(seed[..<end])) }
    }
  }

  @Test func `Damaged responses never break the parser`() {
    var random = SeededGenerator(seed: 42)
    for round in 0..<3000 {
      var bytes = Self.seeds[round % Self.seeds.count]
      for _ in 0..<random.below(5) where bytes.count > 1 {
        let index = random.below(bytes.count)
        switch random.below(3) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: index)
        default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
        }
      }
      bytes[0] = UInt8.random(in: 0...255, using: &random)
      responseParserFuzzTarget(bytes)
    }
  }
}
