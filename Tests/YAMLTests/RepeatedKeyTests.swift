import Testing
import YAML

struct RepeatedKeyTests {
  private func key(_ key: String, _ line: Int, _ column: Int, first: (Int, Int)) -> YAMLRepeatedKey {
    YAMLRepeatedKey(
      key, at: YAMLMark(line: line, column: column), first: YAMLMark(line: first.0, column: first.1))
  }

  @Test func `the first of several equal keys is kept, and the others are listed`() throws {
    var composer = YAMLComposer("a: 1\nb: 2\n\"a\": 3\n'a': 4\n")
    let members = [member("a", 1, 1, scalar("1", 1, 4)), member("b", 2, 1, scalar("2", 2, 4))]
    #expect(try composer.compose()?.content == .mapping(members))
    #expect(composer.repeatedKeys == [key("a", 3, 1, first: (1, 1)), key("a", 4, 1, first: (1, 1))])
  }

  @Test func `keys of different mappings are different`() throws {
    var composer = YAMLComposer("a: { a: 1, b: { a: 2 } }\nb: [{ a: 1 }, { a: 2 }]\n")
    _ = try composer.compose()
    #expect(composer.repeatedKeys.isEmpty)
  }

  @Test func `repeated keys are listed in the order of the text, at any depth`() throws {
    var composer = YAMLComposer("a:\n- { b: 1, b: 2 }\na:\n  c: 1\n  c: 2\n")
    _ = try composer.compose()
    #expect(
      composer.repeatedKeys == [
        key("b", 2, 11, first: (2, 5)), key("a", 3, 1, first: (1, 1)), key("c", 5, 3, first: (4, 3)),
      ])
  }

  @Test func `repeated keys before an error are listed`() {
    var composer = YAMLComposer("a: 1\na: 2\nb: [\n")
    #expect(throws: YAMLError.self) { try composer.compose() }
    #expect(composer.repeatedKeys == [key("a", 2, 1, first: (1, 1))])
  }
}
