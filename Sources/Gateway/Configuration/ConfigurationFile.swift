import Yams

/// YAML as nodes with their lines. Scalars stay the text that was written: what it means is the setting's matter,
/// so that `off`, `1_000` or `12:30` are never turned into something else on the way.
enum ConfigurationFile {
  /// - Throws: the first thing that keeps the text from being read as one YAML document.
  static func parse(_ yaml: String) throws(ValueProblem) -> ConfigurationNode {
    let root: Node?
    do {
      root = try Yams.compose(yaml: yaml)
    } catch let error as YamlError {
      throw problem(error, in: yaml)
    } catch {
      throw ValueProblem(message: "cannot be read as YAML: \(error)")
    }
    guard let root else { return ConfigurationNode(content: .nothing) }
    return try node(root)
  }

  private static func node(_ node: Node) throws(ValueProblem) -> ConfigurationNode {
    let line = node.mark?.line
    switch node {
    case .scalar(let scalar):
      let isNothing = scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
      return ConfigurationNode(content: isNothing ? .nothing : .text(scalar.string), line: line)
    case .sequence(let sequence):
      var items: [ConfigurationNode] = []
      for item in sequence { items.append(try self.node(item)) }
      return ConfigurationNode(content: .list(items), line: line)
    case .mapping(let mapping):
      var members: [ConfigurationNode.Member] = []
      for (key, value) in mapping {
        guard case .scalar(let name) = key else {
          throw ValueProblem(line: key.mark?.line ?? line, message: "a key must be a word")
        }
        if let first = members.first(where: { $0.key == name.string }) {
          throw ValueProblem(
            line: name.mark?.line, message: "\"\(name.string)\" stands here a second time; the first is on line \(first.line ?? 0)")
        }
        members.append(ConfigurationNode.Member(key: name.string, line: name.mark?.line, value: try self.node(value)))
      }
      return ConfigurationNode(content: .group(members), line: line)
    case .alias:
      throw ValueProblem(line: line, message: "an alias (*name) names no anchor (&name)")
    }
  }

  // MARK: - What YAML itself finds wrong

  private static func problem(_ error: YamlError, in yaml: String) -> ValueProblem {
    switch error {
    case .duplicatedKeysInMapping(let keys, let context):
      let key = keys.first ?? ""
      let first = context.mark.line
      guard let second = lineOfSecond(key, after: context.mark, in: yaml) else {
        return ValueProblem(line: first, message: "\"\(key)\" stands twice in one group; keep one of the two")
      }
      return ValueProblem(line: second, message: "\"\(key)\" stands here a second time; the first is on line \(first)")
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return ValueProblem(line: mark.line, message: "is not YAML: \(problem)\(hint(at: mark, in: yaml))")
    case .reader(let problem, let offset, _, _):
      let line = offset.map { yaml.prefix($0).count { $0.isNewline } + 1 }
      return ValueProblem(line: line, message: "is not text that YAML can hold: \(problem)")
    default:
      return ValueProblem(message: "cannot be read as YAML: \(error)")
    }
  }

  /// The parser tells only where a repeated key stands first: the second is the next line of the same column that
  /// begins with it.
  private static func lineOfSecond(_ key: String, after mark: Mark, in yaml: String) -> Int? {
    for (index, line) in lines(yaml).enumerated().dropFirst(mark.line) {
      guard line.prefix(mark.column - 1).allSatisfy({ $0 == " " }) else { continue }
      let rest = line.dropFirst(mark.column - 1)
      if rest.hasPrefix("\(key):") || rest.hasPrefix("\"\(key)\":") || rest.hasPrefix("'\(key)':") { return index + 1 }
    }
    return nil
  }

  private static func hint(at mark: Mark, in yaml: String) -> String {
    let lines = lines(yaml)
    guard lines.indices.contains(mark.line - 1) else { return "" }
    let line = lines[mark.line - 1]
    if line.prefix(while: \.isWhitespace).contains("\t") { return "; indent with spaces, not tabs" }
    return "; put quotes around a value that begins with [ { * & ! % @ or holds \": \""
  }

  private static func lines(_ yaml: String) -> [Substring] {
    yaml.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
  }
}
