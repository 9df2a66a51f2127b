import Yams

/// YAML as nodes with their lines. Scalars stay the text that was written: what it means is the setting's matter,
/// so that `off`, `1_000` or `12:30` are never turned into something else on the way.
enum ConfigurationFile {
  /// - Throws: what keeps the text from being read as one YAML document, after the repeated keys found until then.
  /// - Returns: the document without its repeated keys, and a problem for each of those.
  static func parse(_ yaml: String) throws(ValueProblems) -> (root: ConfigurationNode, repeated: [ValueProblem]) {
    var text = yaml
    var repeated: [ValueProblem] = []
    while true {
      let problem: ValueProblem
      do {
        guard let root = try Yams.compose(yaml: text) else { return (ConfigurationNode(content: .nothing), repeated) }
        return (try node(root), repeated.sorted { $0.line ?? 0 < $1.line ?? 0 })
      } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
        // The parser stops at the first one. With another name in its place the rest of the file is read too.
        let key = keys.first ?? ""
        let first = context.mark.line
        if let next = renaming(key, after: context.mark, to: "\(again)\(repeated.count)", in: text) {
          text = next.text
          repeated.append(
            ValueProblem(
              line: next.line, message: "\"\(key)\" stands here a second time; the first is on line \(first)"))
          continue
        }
        problem = ValueProblem(line: first, message: "\"\(key)\" stands twice in one group; keep one of the two")
      } catch let error as ValueProblem {
        problem = error
      } catch let error as YamlError {
        problem = self.problem(error, in: yaml)
      } catch {
        problem = ValueProblem(message: "cannot be read as YAML: \(error)")
      }
      throw ValueProblems(repeated + [problem])
    }
  }

  /// Begins the name that a repeated key is given, and that no setting has.
  private static let again = "repeated key "

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
        if name.string.hasPrefix(again) { continue }
        if let first = members.first(where: { $0.key == name.string }) {
          throw ValueProblem(
            line: name.mark?.line,
            message: "\"\(name.string)\" stands here a second time; the first is on line \(first.line ?? 0)")
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
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _):
      let text = sentence(context, problem)
      return ValueProblem(line: mark.line, message: "is not YAML: \(text)\(hint(at: mark, in: yaml))")
    case .composer(let context, let problem, let mark, _):
      return ValueProblem(line: mark.line, message: "is not YAML: \(sentence(context, problem))")
    case .reader(let problem, let offset, _, _):
      let line = offset.map { yaml.prefix($0).count { $0.isNewline } + 1 }
      return ValueProblem(line: line, message: "is not text that YAML can hold: \(problem)")
    default:
      return ValueProblem(message: "cannot be read as YAML: \(error)")
    }
  }

  /// The parser tells only where a repeated key stands first: the second is on the next line that begins with it in
  /// the same column. In a group in braces there is no such line.
  private static func renaming(
    _ key: String, after mark: Mark, to name: String, in yaml: String
  ) -> (text: String, line: Int)? {
    var lines = lines(yaml)
    for index in lines.indices.dropFirst(mark.line) {
      let line = lines[index]
      guard line.prefix(mark.column - 1).allSatisfy({ $0 == " " }) else { continue }
      let rest = line.dropFirst(mark.column - 1)
      for written in ["\(key):", "\"\(key)\":", "'\(key)':"] where rest.hasPrefix(written) {
        lines[index] = "\(line.prefix(mark.column - 1))\(name):\(rest.dropFirst(written.count))"
        return (lines.joined(separator: "\n"), index + 1)
      }
    }
    return nil
  }

  /// "while parsing a block mapping did not find expected key".
  private static func sentence(_ context: YamlError.Context?, _ problem: String) -> String {
    context.map { "\($0.text) \(problem)" } ?? problem
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
