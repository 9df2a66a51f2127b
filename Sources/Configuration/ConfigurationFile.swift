import YAML

/// Reads YAML into nodes with their lines. Scalars stay the text that was written: the setting decides what it means, so
/// that `off`, `1_000` or `12:30` are never turned into something else on the way.
enum ConfigurationFile {
  /// - Throws: the reason why the text cannot be read as one YAML document, after the repeated keys before it.
  /// - Returns: the document without its repeated keys, and a problem for each of those.
  static func parse(_ yaml: String) throws(ValueProblems) -> (root: ConfigurationNode, repeated: [ValueProblem]) {
    var composer = YAMLComposer(yaml)
    do {
      let root = try composer.compose()
      return (root.map(node) ?? ConfigurationNode(content: .nothing), composer.repeatedKeys.map(problem))
    } catch {
      throw ValueProblems(composer.repeatedKeys.map(problem) + [problem(error, in: yaml)])
    }
  }

  private static func node(_ node: YAMLNode) -> ConfigurationNode {
    let content: ConfigurationNode.Content =
      switch node.content {
      case .scalar("", .plain), .scalar("~", .plain), .scalar("null", .plain): .nothing
      case .scalar(let text, _): .text(text)
      case .sequence(let items): .list(items.map(self.node))
      case .mapping(let members):
        .group(
          members.map {
            ConfigurationNode.Member(key: $0.key, line: $0.mark.line, value: self.node($0.value))
          })
      }
    return ConfigurationNode(content: content, line: node.mark.line)
  }

  // MARK: - Problems

  private static func problem(_ repeated: YAMLRepeatedKey) -> ValueProblem {
    let message =
      repeated.mark.line == repeated.first.line
      ? "\"\(repeated.key)\" stands twice in one group; keep one of the two"
      : "\"\(repeated.key)\" stands here a second time; the first is on line \(repeated.first.line)"
    return ValueProblem(line: repeated.mark.line, message: message)
  }

  private static func problem(_ error: YAMLError, in yaml: String) -> ValueProblem {
    let message =
      switch error.kind {
      case .syntax: "is not YAML: \(error.message)\(hint(at: error.mark, in: yaml))"
      case .undefinedAlias, .secondDocument: "is not YAML: \(error.message)"
      case .characters: "is not text that YAML can hold: \(error.message)"
      case .key: "a key must be a word"
      case .depth, .aliasedNodes, .outOfMemory: "cannot be read as YAML: \(error.message)"
      }
    return ValueProblem(line: error.mark.line, message: message)
  }

  private static func hint(at mark: YAMLMark, in yaml: String) -> String {
    let lines = yaml.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    guard lines.indices.contains(mark.line - 1) else { return "" }
    let line = lines[mark.line - 1]
    if line.prefix(while: \.isWhitespace).contains("\t") { return "; indent with spaces, not tabs" }
    return "; put quotes around a value that begins with [ { * & ! % @ or holds \": \""
  }
}
