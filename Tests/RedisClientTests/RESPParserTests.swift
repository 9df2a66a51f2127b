import RedisClient
import TestSupport
import Testing

@Suite struct `A RESP parser` {
  /// What comes out of `text`, in pieces of `size` bytes.
  private func parse(_ bytes: [UInt8], by size: Int, _ limits: RESPParser.Limits = .init()) -> Outcome {
    var outcome = Outcome()
    var parser = RESPParser(limits)
    do throws(RESPError) {
      for start in stride(from: 0, to: bytes.count, by: size) {
        try bytes[start..<min(start + size, bytes.count)].withUnsafeBufferPointer { (piece) throws(RESPError) in
          try parser.receive(UnsafeRawBufferPointer(piece)) { outcome.values.append($0) }
        }
      }
    } catch {
      outcome.error = error
    }
    return outcome
  }

  private struct Outcome: Equatable {
    var values: [RESPValue] = []
    var error: RESPError?
  }

  static let replies: [(text: String, values: [RESPValue])] = [
    ("+OK\r\n", [.simple("OK")]),
    ("+\r\n", [.simple("")]),
    ("-ERR no such thing\r\n", [.error("ERR no such thing")]),
    (":0\r\n:-12\r\n:+7\r\n", [.integer(0), .integer(-12), .integer(7)]),
    (":9223372036854775807\r\n:-9223372036854775808\r\n", [.integer(.max), .integer(.min)]),
    ("$0\r\n\r\n", [.bulk([])]),
    ("$5\r\na\r\nb\n\r\n", [.bulk(Array("a\r\nb\n".utf8))]),
    ("$-1\r\n*-1\r\n", [.null, .null]),
    ("*0\r\n", [.array([])]),
    ("*2\r\n*0\r\n*1\r\n*0\r\n", [.array([.array([]), .array([.array([])])])]),
    (
      "*3\r\n$2\r\n12\r\n$-1\r\n*2\r\n-WRONGTYPE x\r\n:3\r\n+after\r\n",
      [.array([.bulk([0x31, 0x32]), .null, .array([.error("WRONGTYPE x"), .integer(3)])]), .simple("after")]
    ),
  ]

  @Test(arguments: replies) func `reads the same, however the bytes are cut`(text: String, values: [RESPValue]) {
    let bytes = Array(text.utf8)
    for size in 1...bytes.count { #expect(parse(bytes, by: size) == Outcome(values: values)) }
  }

  static let garbage: [(text: String, error: RESPError)] = [
    ("HTTP/1.1 400 Bad Request\r\n", .unknownType(UInt8(ascii: "H"))),
    ("\r\n", .unknownType(0x0d)),
    ("\n", .unknownType(0x0a)),
    ("%1\r\n", .unknownType(UInt8(ascii: "%"))),
    ("+OK\n", .lineUnended),
    ("+O\rK\r\n", .lineUnended),
    ("+\n", .lineUnended),
    (":\r\n", .notANumber("")),
    (":1x\r\n", .notANumber("1x")),
    (":9223372036854775808\r\n", .notANumber("9223372036854775808")),
    ("$ 1\r\n", .notANumber(" 1")),
    ("$-2\r\n", .negativeLength(-2)),
    ("*-2\r\n", .negativeLength(-2)),
    ("$3\r\nabcd\r\n", .bulkUnended),
    ("$3\r\nabc\rd", .bulkUnended),
    ("$0\r\n\n", .bulkUnended),
    ("*2\r\n:1\r\n!\r\n", .unknownType(UInt8(ascii: "!"))),
  ]

  @Test(arguments: garbage) func `says what is wrong, however the bytes are cut`(text: String, error: RESPError) {
    let bytes = Array(text.utf8)
    for size in 1...bytes.count { #expect(parse(bytes, by: size).error == error) }
    #expect(!error.description.isEmpty)
  }

  @Test func `goes on failing after what was wrong`() {
    let good = Array("+OK\r\n".utf8)
    let outcome = parse(Array("?\r\n".utf8) + good, by: 3)
    #expect(outcome == Outcome(error: .unknownType(UInt8(ascii: "?"))))
    var parser = RESPParser()
    for bytes in [Array("?\r\n".utf8), good] {
      #expect(throws: RESPError.unknownType(UInt8(ascii: "?"))) {
        try bytes.withUnsafeBytes { try parser.receive($0) { _ in Issue.record("a value came") } }
      }
    }
  }

  @Test func `has limits on depth, bulks, arrays and lines`() {
    var limits = RESPParser.Limits()
    (limits.depth, limits.bulk, limits.array, limits.line) = (3, 4, 5, 12)
    for size in [1, 100] {
      func error(_ text: String) -> RESPError? { parse(Array(text.utf8), by: size, limits).error }
      #expect(error("*1\r\n*1\r\n*1\r\n:1\r\n") == nil)
      #expect(error("*1\r\n*1\r\n*1\r\n*1\r\n") == .tooDeep(limit: 3))
      #expect(error("$4\r\nabcd\r\n") == nil)
      #expect(error("$5\r\n") == .bulkTooLong(5, limit: 4))
      #expect(error("*5\r\n") == nil)
      #expect(error("*6\r\n") == .arrayTooLong(6, limit: 5))
      #expect(error("+123456789\r\n") == nil)
      #expect(error("+1234567890\r\n") == .lineTooLong(limit: 12))
      #expect(error("+123456789012") == .lineTooLong(limit: 12))
    }
  }

  @Test func `sets no memory aside on an announcement alone`() {
    // 32 arrays of 16 million elements with a bulk of 512 MiB in them would not fit.
    let arrays = String(repeating: "*16777216\r\n", count: 32)
    #expect(parse(Array((arrays + "$536870912\r\nabc").utf8), by: 1000) == Outcome())
  }

  @Test func `takes any bytes without harm`() {
    var generator = SeededGenerator(seed: 5)
    let alphabet = Array("+-:$*0123456789\r\n\r\n\r\nab".utf8)
    for _ in 0..<2000 {
      let bytes = (0..<1 + generator.below(60)).map { _ in alphabet[generator.below(alphabet.count)] }
      let whole = parse(bytes, by: bytes.count)
      for size in [1, 2, 7] { #expect(parse(bytes, by: size) == whole, "\(String(decoding: bytes, as: UTF8.self))") }
    }
  }
}
