import StreamLog
import Testing

struct TopicTests {
  @Test(arguments: [
    "a", "orders.42", "A-Z_~:@=+,/.9", "a/b/c", "$sys.load", "$", String(repeating: "x", count: 255), "-", "a.b.c.d.e",
  ])
  func `a topic is taken as it is written`(text: String) throws {
    let topic = try TopicName(text)
    #expect(topic.string == text)
    #expect(topic.isReserved == text.hasPrefix("$"))
    #expect(try TopicPattern(text).exact == topic)
    #expect(try TopicPattern(text).matches(topic))
  }

  static let broken: [(String, TopicSyntaxError)] = [
    ("", .empty),
    (String(repeating: "x", count: 256), .tooLong(256, limit: 255)),
    (".", .emptySegment), ("a.", .emptySegment), (".a", .emptySegment), ("a..b", .emptySegment),
    ("a b", .forbiddenByte(0x20, at: 1)), ("é", .forbiddenByte(0xc3, at: 0)), ("a\u{0}", .forbiddenByte(0, at: 1)),
    ("a$", .forbiddenByte(0x24, at: 1)), ("a.$b", .forbiddenByte(0x24, at: 2)), ("a?", .forbiddenByte(0x3f, at: 1)),
    ("a\r\n", .forbiddenByte(0x0d, at: 1)), ("a%20", .forbiddenByte(0x25, at: 1)),
  ]

  @Test(arguments: broken)
  func `what breaks a rule is refused by that rule, as topic and as pattern`(text: String, error: TopicSyntaxError) {
    #expect(throws: error) { try TopicName(text) }
    #expect(throws: error) { try TopicPattern(text) }
    #expect(error.description.count > 15)
  }

  @Test func `a byte that is not allowed is shown as it is typed, or by its number`() {
    #expect("\(TopicSyntaxError.forbiddenByte(0x3f, at: 1))".hasPrefix("'?' at index 1"))
    #expect("\(TopicSyntaxError.forbiddenByte(0x0d, at: 2))".hasPrefix("byte 0xd at index 2"))
  }

  @Test(arguments: ["*", ">", "a.*", "a.>", "a*"])
  func `a topic has no wildcard`(text: String) {
    #expect(throws: TopicSyntaxError.wildcardInTopic) { try TopicName(text) }
  }

  @Test(
    arguments: [
      ("a*", .wildcardInSegment(at: 1)), ("*a", .wildcardInSegment(at: 0)), ("**", .wildcardInSegment(at: 1)),
      ("a.b>", .wildcardInSegment(at: 3)), ("a.>x", .wildcardInSegment(at: 2)), (">.a", .tailNotLast),
      ("a.>.>", .tailNotLast), ("a.>.", .tailNotLast), ("*.", .emptySegment), ("$*", .wildcardInSegment(at: 1)),
    ] as [(String, TopicSyntaxError)])
  func `a wildcard is a whole segment and the tail is last`(text: String, error: TopicSyntaxError) {
    #expect(throws: error) { try TopicPattern(text) }
    #expect(error.description.count > 15)
  }

  @Test(arguments: [
    ("*", ["a", "orders"], ["a.b", "$sys"]),
    (">", ["a", "a.b", "a.b.c"], ["$sys", "$sys.a"]),
    ("a.*", ["a.b", "a.bb"], ["a", "b.a", "a.b.c", "ab.c"]),
    ("a.>", ["a.b", "a.b.c"], ["a", "b", "ab.c"]),
    ("*.b", ["a.b", "xyz.b"], ["a.bb", "b", "a.b.c", "$sys.b"]),
    ("*.*", ["a.b"], ["a", "a.b.c"]),
    ("a.*.c", ["a.b.c", "a.xyz.c"], ["a.c", "a.b.cc", "a.b.c.d", "a.b"]),
    ("ab.*.>", ["ab.c.d", "ab.c.d.e"], ["ab.c", "a.c.d", "abc.c.d"]),
    ("$sys.>", ["$sys.a", "$sys.a.b"], ["$sys", "sys.a", "$sysx.a"]),
    ("$sys.*", ["$sys.a"], ["$sys", "a.a"]),
    ("a.b", ["a.b"], ["a", "a.b.c", "A.b"]),
  ])
  func `a pattern matches whole segments`(pattern: String, matching: [String], others: [String]) throws {
    let pattern = try TopicPattern(pattern)
    for topic in matching { #expect(pattern.matches(try TopicName(topic)), "\(pattern) and \(topic)") }
    for topic in others { #expect(!pattern.matches(try TopicName(topic)), "\(pattern) and \(topic)") }
  }

  /// Every pattern of up to three segments of a small alphabet against every topic of one, with matching written
  /// the other way round: segment by segment over arrays.
  @Test func `matching is what comparing segments says`() throws {
    func words(_ alphabet: [String]) -> [[String]] {
      let one = alphabet.map { [$0] }
      let two = one.flatMap { head in alphabet.map { head + [$0] } }
      return one + two + two.flatMap { head in alphabet.map { head + [$0] } }
    }
    func agree(_ pattern: ArraySlice<String>, _ topic: ArraySlice<String>) -> Bool {
      guard let first = pattern.first else { return topic.isEmpty }
      guard let segment = topic.first else { return false }
      if first == ">" { return true }
      return (first == "*" || first == segment) && agree(pattern.dropFirst(), topic.dropFirst())
    }
    let topics = words(["a", "ab", "b"])
    for pattern in words(["a", "ab", "*", ">"]) where !pattern.dropLast().contains(">") {
      let compiled = try TopicPattern(pattern.joined(separator: "."))
      for topic in topics {
        let name = try TopicName(topic.joined(separator: "."))
        #expect(compiled.matches(name) == agree(pattern[...], topic[...]), "\(compiled) and \(name)")
      }
    }
  }

  @Test func `topics sort by their bytes`() throws {
    let names = try ["b", "a.b", "a", "A"].map { try TopicName($0) }
    #expect(names.sorted().map(\.string) == ["A", "a", "a.b", "b"])
    #expect(names[0].description == "b")
    #expect(TopicPattern(names[1]).exact == names[1])
  }
}
