import Testing
import WireFormat

struct JSONTests {
  @Test(arguments: JSONSamples.valid)
  func `what the grammar has is taken`(text: String) throws {
    try JSON.validate(Array(text.utf8))
  }

  @Test(arguments: JSONSamples.invalid)
  func `what the grammar does not have is refused, by its rule`(text: String, error: String) {
    let thrown = #expect(throws: JSONError.self) { try JSON.validate(Array(text.utf8)) }
    #expect(thrown.map(caseName) == error, "\(text.debugDescription)")
    #expect(thrown.map { (0...text.utf8.count).contains($0.index) } == true)
  }

  @Test(arguments: JSONSamples.notUTF8)
  func `a string that is not UTF-8 is refused at its first bad byte`(bytes: [UInt8]) {
    for prefix in ["", "abc", "12345678", "é"] {
      let text = Array("[\"\(prefix)".utf8) + bytes + Array("\"]".utf8)
      #expect(throws: JSONError.invalidUTF8(at: 2 + prefix.utf8.count)) { try JSON.validate(text) }
    }
  }

  @Test func `every index points at the byte at fault`() {
    let cases: [(String, JSONError)] = [
      ("", .empty),
      ("[1,", .truncated(at: 3)),
      ("[1 2]", .unexpectedByte(UInt8(ascii: "2"), at: 3, expected: .commaOrArrayEnd)),
      ("[x]", .unexpectedByte(UInt8(ascii: "x"), at: 1, expected: .valueOrArrayEnd)),
      ("[1,]", .unexpectedByte(UInt8(ascii: "]"), at: 3, expected: .value)),
      ("{\"a\" 1}", .unexpectedByte(UInt8(ascii: "1"), at: 5, expected: .colon)),
      ("{\"a\":1;", .unexpectedByte(UInt8(ascii: ";"), at: 6, expected: .commaOrObjectEnd)),
      ("{1", .unexpectedByte(UInt8(ascii: "1"), at: 1, expected: .keyOrEnd)),
      ("{\"a\":1,}", .unexpectedByte(UInt8(ascii: "}"), at: 7, expected: .key)),
      ("1 2", .trailingBytes(at: 2)),
      ("-01", .invalidNumber(at: 2)),
      ("\"ab\\q\"", .invalidEscape(at: 3)),
      ("\"ab\n\"", .controlCharacter(0x0a, at: 3)),
    ]
    for (text, error) in cases {
      #expect(throws: error) { try JSON.validate(Array(text.utf8)) }
      #expect(error.description.count > 15)
    }
  }

  @Test func `arrays and objects nest as deep as the limit and no deeper`() throws {
    func nested(_ depth: Int) -> [UInt8] {
      Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
    }
    try JSON.validate(nested(64))
    #expect(throws: JSONError.tooDeep(at: 64, limit: 64)) { try JSON.validate(nested(65)) }
    #expect(throws: JSONError.tooDeep(at: 64, limit: 64)) { try JSON.validate(nested(100_000)) }
    #expect(throws: JSONError.tooDeep(at: 3, limit: 3)) { try JSON.validate(nested(4), maxDepth: 3) }
    #expect(throws: JSONError.tooDeep(at: 5, limit: 1)) { try JSON.validate(Array("{\"a\":{}}".utf8), maxDepth: 1) }
  }

  @Test func `minifying takes whitespace between tokens and nothing else`() throws {
    let cases = [
      (
        " { \"b\" : [ 1.50 , -0e+1 ] ,\r\n\t\"a b\" : \" x\\n\\u00e9 \\\" \" , \"b\":2 } ",
        "{\"b\":[1.50,-0e+1],\"a b\":\" x\\n\\u00e9 \\\" \",\"b\":2}"
      ),
      ("[ \"\\\\\" , \" \" ]", "[\"\\\\\",\" \"]"),
      (" null\n", "null"),
    ]
    for (text, minified) in cases {
      #expect(String(decoding: try JSON.minified(Array(text.utf8)), as: UTF8.self) == minified)
    }
  }

  @Test(arguments: JSONSamples.valid)
  func `minifying what is minified changes nothing`(text: String) throws {
    let once = try JSON.minified(Array(text.utf8))
    #expect(try JSON.minified(once) == once)
    if !text.utf8.contains(where: { [0x20, 0x09, 0x0a, 0x0d].contains($0) }) { #expect(once == Array(text.utf8)) }
  }

  private func caseName(_ error: JSONError) -> String {
    switch error {
    case .empty: "empty"
    case .truncated: "truncated"
    case .unexpectedByte: "unexpectedByte"
    case .trailingBytes: "trailingBytes"
    case .invalidNumber: "invalidNumber"
    case .invalidEscape: "invalidEscape"
    case .controlCharacter: "controlCharacter"
    case .invalidUTF8: "invalidUTF8"
    case .tooDeep: "tooDeep"
    }
  }
}
