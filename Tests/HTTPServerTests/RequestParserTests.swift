import HTTPServer
import NIOCore
import HTTPSyntax
import TestSupport
import Testing

struct RequestParserTests {
  /// Everything a stream of bytes turns into, in short.
  private static func parse(_ text: String, step: Int? = nil, limits: RequestParser.Limits = .init()) -> [String] {
    var parser = RequestParser(limits: limits)
    var bytes = ByteBuffer(string: text)
    var events: [String] = []
    var body = ""
    do throws(HTTPSyntaxError) {
      while let part = bytes.readSlice(length: min(step ?? .max, bytes.readableBytes)), part.readableBytes > 0 {
        parser.receive(part)
        while let event = try parser.next() {
          switch event {
          case .head(let head): events.append("\(head.method) \(head.target) \(head.framing)")
          case .body(let bytes): body += String(buffer: bytes)
          case .end:
            events.append("end \(body)")
            body = ""
          }
        }
      }
    } catch {
      events.append("\(error)")
    }
    return events
  }

  private static let streams = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /b HTTP/1.0\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      + "5;x=y\r\nhello\r\n1\r\n!\r\n000\r\nTrailer: t\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX",
    "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
  ]

  @Test(arguments: streams)
  func `a stream split at any step is the same stream`(text: String) {
    let whole = Self.parse(text)
    for step in 1...text.utf8.count { #expect(Self.parse(text, step: step) == whole) }
  }

  @Test func `pipelined requests with bodies come out in order`() {
    #expect(
      Self.parse(Self.streams[3]) == ["POST /a chunked", "end hello!", "GET /b none"])
    #expect(Self.parse(Self.streams[2]) == ["POST /a length(5)", "end hello", "GET /b none"])
  }

  @Test(arguments: [
    // Request line
    ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", HTTPSyntaxError.malformedRequestLine),
    ("GET /\r\nHost: a\r\n\r\n", .malformedRequestLine), (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
    ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .malformedRequestLine),
    ("\r\n\r\nGET / HTTP/1.1\r\n", .malformedRequestLine),
    ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedMethod), ("GET /é HTTP/1.1\r\nHost: a\r\n\r\n", .malformedTarget),
    ("GET / http/1.1\r\nHost: a\r\n\r\n", .malformedVersion), ("GET / HTTP/1.10\r\nHost: a\r\n\r\n", .malformedVersion),
    ("GET / HTTP/+.1\r\nHost: a\r\n\r\n", .malformedVersion), ("GET / HTTP/2.0\r\n\r\n", .unsupportedVersion),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion), ("GET / HTTP/0.9\r\n\r\n", .unsupportedVersion),
    // Line ends and control bytes
    ("GET / HTTP/1.1\nHost: a\n\n", .bareLineEnd), ("GET / HTTP/1.1\r\nHost: a\n", .bareLineEnd),
    ("GET / HTTP/1.1\rHost: a", .bareLineEnd), ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", .bareLineEnd),
    ("\rGET", .bareLineEnd), ("GET / HTTP/1.1\r\nX: a\0b", .controlByte(0)), ("\u{16}\u{3}\u{1}", .controlByte(0x16)),
    ("GET / HTTP/1.1\r\nX: a\u{7F}", .controlByte(0x7F)), ("GET /\u{1B} HTTP/1.1", .controlByte(0x1B)),
    // Fields
    ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", .foldedHeader),
    ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .foldedHeader), ("GET / HTTP/1.1\r\nHost: a\r\n\tx\r\n\r\n", .foldedHeader),
    ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", .malformedHeaderName),
    ("GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", .malformedHeaderName),
    ("GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", .emptyHeaderName),
    ("GET / HTTP/1.1\r\nHost\r\n\r\n", .headerWithoutColon),
    ("GET / HTTP/1.1\r\nHost: a\r\nX(: b\r\n\r\n", .malformedHeaderName),
    // Host
    ("GET / HTTP/1.1\r\n\r\n", .hostMissing), ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .hostRepeated),
    ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .hostInvalid), ("GET / HTTP/1.1\r\nHost:\r\n\r\n", .hostInvalid),
    ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .hostInvalid), ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .hostInvalid),
    ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .hostInvalid), ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", .hostInvalid),
    ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", .hostRepeated),
    ("GET / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n", .expectationUnknown),
  ])
  func `a broken head is refused by the rule it breaks`(text: String, error: HTTPSyntaxError) {
    #expect(Self.parse(text) == ["\(error)"])
    #expect(Self.parse(text, step: 1) == ["\(error)"])
  }

  /// Every way to make two parsers disagree about where a body ends that we know of.
  @Test(arguments: [
    ("Content-Length: 5\r\nContent-Length: 5", HTTPSyntaxError.contentLengthRepeated),
    ("Content-Length: 5\r\nContent-Length: 6", .contentLengthRepeated),
    ("Content-Length: 5, 5", .contentLengthInvalid), ("Content-Length: +5", .contentLengthInvalid),
    ("Content-Length: -1", .contentLengthInvalid), ("Content-Length: 0x5", .contentLengthInvalid),
    ("Content-Length: 5 5", .contentLengthInvalid), ("Content-Length:", .contentLengthInvalid),
    ("Content-Length: 1e3", .contentLengthInvalid), ("Content-Length: 9999999999999999999", .contentLengthInvalid),
    ("Content-Length: ٥", .contentLengthInvalid),
    ("Content-Length: 5\r\nTransfer-Encoding: chunked", .contentLengthWithTransferEncoding),
    ("Transfer-Encoding: chunked\r\nContent-Length: 0", .contentLengthWithTransferEncoding),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .transferEncodingInvalid),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", .transferEncodingInvalid),
    ("Transfer-Encoding: chunked, chunked", .transferEncodingInvalid),
    ("Transfer-Encoding: xchunked", .transferEncodingInvalid),
    ("Transfer-Encoding: chunked, identity", .transferEncodingInvalid),
    ("Transfer-Encoding: identity", .transferEncodingInvalid),
    ("Transfer-Encoding: \"chunked\"", .transferEncodingInvalid), ("Transfer-Encoding:", .transferEncodingInvalid),
    ("Transfer-Encoding: chunked;q=1", .transferEncodingInvalid),
    ("Transfer-Encoding: , chunked", .transferEncodingInvalid),
    ("Transfer-Encoding: \u{B}chunked", .controlByte(0xB)), ("Transfer-Encoding : chunked", .malformedHeaderName),
    ("Transfer-Encoding\0: chunked", .controlByte(0)), ("Transfer-Encoding:\r\n chunked", .foldedHeader),
    ("Transfer_Encoding chunked", .headerWithoutColon),
    ("Transfer-Encoding: gzip, chunked", .transferCodingUnknown("gzip")),
  ])
  func `a doubtful body framing is refused`(fields: String, error: HTTPSyntaxError) {
    #expect(Self.parse("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n5\r\nhello\r\n0\r\n\r\n") == ["\(error)"])
  }

  @Test func `HTTP 1.0 has no chunks`() {
    let text = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    #expect(Self.parse(text) == ["\(HTTPSyntaxError.transferEncodingOnHTTP10)"])
  }

  @Test(arguments: [
    ("x\r\n", HTTPSyntaxError.chunkSizeInvalid), ("-1\r\n", .chunkSizeInvalid), ("+1\r\n", .chunkSizeInvalid),
    ("0x1\r\n", .chunkSizeInvalid), (" 1\r\n", .chunkSizeInvalid), ("1 \r\na\r\n", .chunkSizeInvalid),
    ("\r\n", .chunkSizeInvalid), (";a=b\r\n", .chunkSizeInvalid), ("1g\r\n", .chunkSizeInvalid),
    ("fffffffffffffffff\r\n", .chunkSizeInvalid), ("8000000000000000\r\n", .chunkSizeInvalid),
    ("1\na\r\n", .bareLineEnd), ("1\ra", .bareLineEnd), ("1;a\nb\r\n", .bareLineEnd), ("1;\0\r\n", .controlByte(0)),
    ("1\r\nab", .chunkEndMissing), ("1\r\na\n", .chunkEndMissing), ("1\r\na\rb", .chunkEndMissing),
    ("0\r\nX\r\n", .headerWithoutColon), ("0\r\n X: a\r\n", .foldedHeader), ("0\r\n\n", .bareLineEnd),
  ])
  func `a broken chunk is refused`(chunks: String, error: HTTPSyntaxError) {
    let text = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(chunks)"
    #expect(Self.parse(text) == ["POST / chunked", "\(error)"])
    #expect(Self.parse(text, step: 1) == ["POST / chunked", "\(error)"])
  }

  @Test func `each limit holds to the byte`() {
    var limits = RequestParser.Limits()
    limits.startLine = 20
    limits.headerBytes = 40
    limits.headerCount = 2
    limits.chunkExtension = 4
    func head(_ target: Int, _ rest: String) -> String {
      "GET /\(String(repeating: "x", count: target)) HTTP/1.1\r\n\(rest)"
    }
    #expect(Self.parse(head(6, "Host: a\r\n\r\n"), limits: limits) == ["GET /xxxxxx none"])
    #expect(Self.parse(head(7, "Host: a\r\n\r\n"), limits: limits) == ["requestLineTooLong(limit: 20)"])
    // The line is refused although its end never comes.
    #expect(Self.parse(String(repeating: "x", count: 21), limits: limits) == ["requestLineTooLong(limit: 20)"])
    #expect(
      Self.parse(head(0, "Host: a\r\nX: \(String(repeating: "x", count: 40))"), limits: limits)
        == ["headersTooLarge(limit: 40)"])
    #expect(Self.parse(head(0, "Host: a\r\nB: b\r\n\r\n"), limits: limits) == ["GET / none"])
    #expect(Self.parse(head(0, "Host: a\r\nB: b\r\nC: c\r\n\r\n"), limits: limits) == ["tooManyHeaders(limit: 2)"])
    let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost:a\r\n\r\n"
    limits.headerBytes = 60
    #expect(
      Self.parse(chunked + "1;" + String(repeating: "x", count: 30), limits: limits).last
        == "chunkLineTooLong(limit: 4)")
    #expect(
      Self.parse(chunked + "0\r\nA: a\r\nB: b\r\nC: c\r\n", limits: limits).last == "tooManyHeaders(limit: 2)")
    #expect(
      Self.parse(chunked + "0\r\nA: \(String(repeating: "x", count: 60))", limits: limits).last
        == "headersTooLarge(limit: 60)")
  }

  @Test func `a head says whether the connection stays`() throws {
    func keeps(_ text: String) throws -> Bool? {
      var parser = RequestParser(limits: .init())
      parser.receive(ByteBuffer(string: text))
      guard case .head(let head) = try parser.next() else { return nil }
      return head.keepsAlive
    }
    #expect(try keeps("GET / HTTP/1.1\r\nHost: a\r\n\r\n") == true)
    #expect(try keeps("GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, Close\r\n\r\n") == false)
    #expect(try keeps("GET / HTTP/1.0\r\n\r\n") == false)
    #expect(try keeps("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n") == true)
    #expect(try keeps("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n") == false)
  }

  @Test func `every input of the fuzzer's corpus passes`() throws {
    let inputs = try FuzzCorpus.inputs(of: "HTTPServerFuzzer")
    #expect(inputs.count > 10)
    for input in inputs { requestParserFuzzTarget(input) }
  }

  @Test func `bytes without sense never break the parser`() {
    var generator = SplitMix(state: 42)
    let seeds = Self.streams.map { Array($0.utf8) }
    for round in 0..<3000 {
      var bytes = seeds[round % seeds.count]
      for _ in 0..<Int(generator.next() % 5) {
        let index = Int(generator.next() % UInt64(bytes.count))
        switch generator.next() % 3 {
        case 0: bytes[index] = UInt8(truncatingIfNeeded: generator.next())
        case 1: bytes.remove(at: index)
        default: bytes.insert(UInt8(truncatingIfNeeded: generator.next()), at: index)
        }
      }
      requestParserFuzzTarget([UInt8(truncatingIfNeeded: generator.next())] + bytes)
    }
  }
}

/// The same numbers in every run.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
