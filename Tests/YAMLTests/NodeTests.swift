import Testing
import YAML

struct NodeTests {
  // MARK: - Scalars

  @Test(arguments: [
    ("word", "word", YAMLNode.Style.plain), ("two words", "two words", .plain), ("0x1F", "0x1F", .plain),
    ("off", "off", .plain), ("~", "~", .plain), ("12:30", "12:30", .plain),
    ("'it''s'", "it's", .singleQuoted), ("''", "", .singleQuoted), ("'a\\n'", "a\\n", .singleQuoted),
    ("\"a\\tb\\u00e9\\0\"", "a\tbé\0", .doubleQuoted), ("\"\"", "", .doubleQuoted),
    ("\"a\n  b\"", "a b", .doubleQuoted), ("plain\n  over lines", "plain over lines", .plain),
    ("é 🙂", "é 🙂", .plain),
  ])
  func `a scalar has its text and its style`(yaml: String, text: String, style: YAMLNode.Style) throws {
    #expect(try compose(yaml) == scalar(text, 1, 1, style))
  }

  @Test(arguments: [
    ("|\n  a\n   b\n\n  c\n", "a\n b\n\nc\n", YAMLNode.Style.literal), ("|-\n  a\n", "a", .literal),
    ("|+\n  a\n\n", "a\n\n", .literal), ("|2\n   a\n", " a\n", .literal),
    (">\n  a\n  b\n\n  c\n", "a b\nc\n", .folded), (">-\n  a\n  b\n", "a b", .folded),
  ])
  func `a block scalar keeps or joins its lines`(yaml: String, text: String, style: YAMLNode.Style) throws {
    #expect(try compose(yaml) == scalar(text, 1, 1, style))
  }

  @Test(arguments: ["!!int '5'", "!local '5'", "! '5'", "!<tag:example.com,2026:x> '5'"])
  func `a tag changes neither text nor style`(yaml: String) throws {
    #expect(try compose(yaml) == scalar("5", 1, 1, .singleQuoted))
  }

  // MARK: - Collections

  @Test func `a block sequence has its items in order`() throws {
    let items = [scalar("b", 1, 3), scalar("a", 2, 3), scalar("", 3, 2)]
    #expect(try compose("- b\n- a\n-\n") == YAMLNode(.sequence(items), at: YAMLMark(line: 1, column: 1)))
  }

  @Test func `a flow sequence has its items in order`() throws {
    let items = [scalar("b", 1, 2), scalar("a", 2, 1, .doubleQuoted)]
    #expect(try compose("[b,\n\"a\",]") == YAMLNode(.sequence(items), at: YAMLMark(line: 1, column: 1)))
    #expect(try compose("[]") == YAMLNode(.sequence([]), at: YAMLMark(line: 1, column: 1)))
  }

  @Test func `a block mapping has its keys in order`() throws {
    let inner = YAMLNode(.mapping([member("c", 3, 3, scalar("2", 3, 6))]), at: YAMLMark(line: 3, column: 3))
    let members = [
      member("b", 1, 1, scalar("1", 1, 4)), member("a", 2, 1, inner), member("d", 4, 1, scalar("", 4, 5)),
    ]
    #expect(
      try compose("b: 1\na:\n  c: 2\n\"d\":\n") == YAMLNode(.mapping(members), at: YAMLMark(line: 1, column: 1)))
  }

  @Test func `a flow mapping has its keys in order`() throws {
    let list = YAMLNode(.sequence([scalar("1", 2, 7)]), at: YAMLMark(line: 2, column: 6))
    let members = [member("b", 1, 2, scalar("", 1, 3)), member("a b", 2, 1, list)]
    #expect(try compose("{b,\na b: [1]}") == YAMLNode(.mapping(members), at: YAMLMark(line: 1, column: 1)))
    #expect(try compose("{}") == YAMLNode(.mapping([]), at: YAMLMark(line: 1, column: 1)))
  }

  @Test func `a key after a question mark is a key`() throws {
    let members = [member("a", 1, 3, scalar("b", 2, 3))]
    #expect(try compose("? a\n: b\n") == YAMLNode(.mapping(members), at: YAMLMark(line: 1, column: 1)))
  }

  // MARK: - Marks

  @Test func `a mark counts Unicode scalars`() throws {
    let root = try #require(try compose("[🙂é, x]"))
    #expect(root.children.map(\.mark.column) == [2, 6])
  }

  @Test(arguments: ["\n", "\r\n", "\r"])
  func `a mark counts every kind of line break once`(lineBreak: String) throws {
    let root = try #require(try compose("a: 1\(lineBreak)\(lineBreak)b: 2\(lineBreak)"))
    #expect(root.children.map(\.mark.line) == [1, 3])
  }

  @Test func `a byte order mark is skipped`() throws {
    #expect(try compose("\u{FEFF}a")?.text == "a")
  }

  // MARK: - Documents

  @Test(arguments: ["", "\n\n", "# a comment\n", "\u{FEFF}"])
  func `a text without a document has no root`(yaml: String) throws {
    #expect(try compose(yaml) == nil)
  }

  @Test(arguments: ["---", "---\n", "--- \n...\n", "%YAML 1.1\n---\n"])
  func `an empty document is an empty plain scalar`(yaml: String) throws {
    #expect(try compose(yaml)?.content == .scalar("", .plain))
  }

  @Test func `comments are skipped`() throws {
    let root = try #require(try compose("# one\na: 1 # two\n# three\nb: 'x # y' # four\nc: x#y\n"))
    #expect(root.children.map(\.text) == ["1", "x # y", "x#y"])
    #expect(root.children.map(\.mark.line) == [2, 4, 5])
  }

  @Test(arguments: [("--- a\n--- b\n", 2), ("a\n...\n---\n", 3), ("---\n---\n", 2)])
  func `a second document is refused where it begins`(yaml: String, line: Int) {
    let message = "expected a single document in the stream but found another document"
    #expect(error(yaml) == YAMLError(.secondDocument, message, at: YAMLMark(line: line, column: 1)))
  }
}
