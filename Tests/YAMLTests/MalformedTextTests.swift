import Testing
import YAML

struct MalformedTextTests {
  // libyaml puts the end of the text on a line of its own.
  @Test(arguments: [
    ("a: b: c", 1, 5, "mapping values are not allowed in this context"),
    ("a:\n\tb: 1\n", 2, 1, "while scanning for the next token found character that cannot start any token"),
    ("[a", 2, 1, "while parsing a flow sequence did not find expected ',' or ']'"),
    ("{a: 1", 2, 1, "while parsing a flow mapping did not find expected ',' or '}'"),
    ("a: 1\n  b: 2\n", 2, 4, "mapping values are not allowed in this context"),
    ("\"a", 1, 3, "while scanning a quoted scalar found unexpected end of stream"),
    ("a: [::1]:0\n", 1, 5, "while parsing a flow node did not find expected node content"),
    ("!x!y 1", 1, 1, "while parsing a node found undefined tag handle"),
    ("%%%", 1, 2, "while scanning a directive could not find expected directive name"),
    ("a: 1\n- b\n", 2, 1, "while parsing a block mapping did not find expected key"),
    ("\"\\q\"", 1, 2, "while parsing a quoted scalar found unknown escape character"),
    ("&", 1, 2, "while scanning an anchor did not find expected alphabetic or numeric character"),
    ("--- a\n...\n]", 3, 1, "did not find expected <document start>"),
  ])
  func `a text that breaks the grammar is refused where it does`(
    yaml: String, line: Int, column: Int, message: String
  ) {
    #expect(error(yaml) == YAMLError(.syntax, message, at: YAMLMark(line: line, column: column)))
  }

  @Test(arguments: ["? [a]\n: b\n", "{a: 1}: b\n", "[{[]: b}]"])
  func `a key that is not a scalar is refused`(yaml: String) {
    let told = error(yaml)
    #expect(told?.kind == .key && told?.mark.line == 1, "\(String(describing: told))")
  }

  // MARK: - Characters

  @Test(
    arguments: [
      ([0x61, 0x0a, 0xff], 2, 1, "invalid leading UTF-8 octet"),
      ([0x61, 0xc3, 0x28], 1, 3, "invalid trailing UTF-8 octet"),
      ([0x61, 0xc3], 1, 2, "incomplete UTF-8 octet sequence"),
      ([0xc0, 0x80], 1, 1, "invalid length of a UTF-8 sequence"),
      ([0xed, 0xa0, 0x80], 1, 1, "invalid Unicode character"),
    ] as [([UInt8], Int, Int, String)])
  func `a text that is not UTF-8 is refused where it is not`(
    bytes: [UInt8], line: Int, column: Int, message: String
  ) {
    #expect(error(utf8: bytes) == YAMLError(.characters, message, at: YAMLMark(line: line, column: column)))
  }

  @Test(arguments: ["\u{0}", "\u{1}", "\u{7f}", "\u{80}", "\u{fffe}"])
  func `a control character is refused`(character: String) {
    let mark = YAMLMark(line: 3, column: 4)
    let expected = YAMLError(.characters, "control characters are not allowed", at: mark)
    #expect(error("a: 1\r\n\nb: \(character)") == expected)
  }

  @Test func `UTF-16 is refused`() {
    #expect(error(utf8: [0xff, 0xfe, 0x61, 0x00])?.kind == .characters)
  }

  // MARK: - Depth

  @Test(arguments: [("[", "]"), ("{a: ", "}"), ("[{a: ", "}]")])
  func `nesting has a limit`(open: String, close: String) {
    func yaml(_ depth: Int) -> String {
      String(repeating: open, count: depth) + "x" + String(repeating: close, count: depth)
    }
    let levels = close.count
    let most = YAMLComposer.maxDepth / levels
    #expect(error(yaml(most)) == nil)
    let told = error(yaml(most + 1))
    #expect(told?.kind == .depth && told?.message == "values are nested more than 100 levels deep")
    #expect(told?.mark == YAMLMark(line: 1, column: most * open.count + 1))
  }

  @Test func `nesting in blocks has the same limit`() {
    func yaml(_ depth: Int) -> String { String(repeating: "- ", count: depth) + "x" }
    #expect(error(yaml(YAMLComposer.maxDepth)) == nil)
    #expect(error(yaml(YAMLComposer.maxDepth + 1))?.kind == .depth)
  }

  @Test(.timeLimit(.minutes(10)), arguments: ["[", "{", "- ", "{a: ", "? ", "[[]"])
  func `a text of nothing but openings ends early`(open: String) {
    #expect(error(String(repeating: open, count: 200_000)) != nil)
  }

  // MARK: - Damage

  @Test(.timeLimit(.minutes(10)), arguments: UInt64(1)...20)
  func `random bytes are composed or refused`(seed: UInt64) {
    var state = seed &* 0x9E37_79B9_7F4A_7C15
    func random(below bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    let alphabet = Array("ab:-?[]{},&*!|>'\"%@#\\ \n\r\t~0<=\u{0}\u{85}\u{FEFF}é".utf8) + [0xff]
    for _ in 0..<500 {
      let bytes = (0..<random(below: 60)).map { _ in alphabet[random(below: alphabet.count)] }
      if let told = error(utf8: bytes) { #expect(!told.message.isEmpty && told.mark.line >= 1) }
    }
  }
}
