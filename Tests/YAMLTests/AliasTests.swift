import Testing
import YAML

struct AliasTests {
  @Test func `an alias is the anchored value with its mark`() throws {
    let root = try #require(try compose("a: &x { b: [1] }\nc: *x\n"))
    #expect(root.children.count == 2 && root.children[0] == root.children[1])
    #expect(root.children[1].mark == YAMLMark(line: 1, column: 4))
  }

  @Test(arguments: ["[&x one, *x]", "[&x 'one', *x]", "- &x one\n- *x\n", "[&x !!str one, *x]"])
  func `a scalar may be anchored`(yaml: String) throws {
    #expect(try compose(yaml)?.children.map(\.text) == ["one", "one"])
  }

  @Test func `an anchor may be set again`() throws {
    #expect(try compose("[&x a, *x, &x b, *x]")?.children.map(\.text) == ["a", "a", "b", "b"])
  }

  @Test func `an alias may be a key`() throws {
    let root = try #require(try compose("[&x one, { *x : two }]"))
    let members = [member("one", 1, 12, scalar("two", 1, 17))]
    #expect(root.children[1].content == .mapping(members))
  }

  @Test(arguments: [
    ("*x", 1), ("a: 1\nb: *x\n", 2), ("- *x\n- &x a\n", 1), ("&x [*x]", 1), ("a: &x\n  b: *x\n", 2),
  ])
  func `an alias before the end of its anchored value is refused`(yaml: String, line: Int) {
    let told = error(yaml)
    #expect(told?.kind == .undefinedAlias && told?.message == "found undefined alias" && told?.mark.line == line)
  }

  // MARK: - The limit

  /// Each list has ten times the values of the list before it.
  @Test func `aliases that grow exponentially are refused`() {
    var yaml = "a0: &a0 [x]\n"
    for level in 1...30 {
      yaml += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", "))]\n"
    }
    let told = error(yaml)
    #expect(told?.kind == .aliasedNodes && told?.mark.line == 6)
    #expect(told?.message == "aliases repeat more than 100000 values")
  }

  @Test func `the limit counts the values that aliases repeat`() throws {
    // The list and its 99 items are 100 values.
    let anchored = "- &x [\(Array(repeating: "1", count: 99).joined(separator: ","))]\n"
    let most = YAMLComposer.maxAliasedNodes / 100
    let root = try compose(anchored + String(repeating: "- *x\n", count: most))
    #expect(root?.children.count == 1 + most)
    #expect(error(anchored + String(repeating: "- *x\n", count: most + 1))?.kind == .aliasedNodes)
  }
}
