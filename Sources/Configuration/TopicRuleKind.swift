import StreamLog
import Transports

extension SettingKind where Value == [TopicRule] {
  /// The ordered list of topic rules, in a file or as YAML in one line.
  static var topicRules: Self {
    let expected = "a list of rules such as { match: \"orders.>\", history: { messages: 1000 } }"
    return SettingKind(
      textForm: .yaml,
      expected: expected,
      read: { node throws(ValueProblems) in
        if case .nothing = node.content { return [] }
        guard case .list(let items) = node.content else { throw ValueProblems(found: node, expected: expected) }
        var reader = TopicRuleReader()
        for (index, item) in items.enumerated() { reader.read(item, at: "[\(index)]") }
        guard reader.problems.isEmpty else { throw ValueProblems(reader.problems) }
        return reader.rules
      },
      text: { "[\($0.map(TopicRuleReader.text).joined(separator: ", "))]" })
  }
}

/// Reads rule after rule and goes on past what is wrong, so that every problem of the list is told at once.
private struct TopicRuleReader {
  var rules: [TopicRule] = []
  var problems: [ValueProblem] = []
  private var lines: [TopicPattern: Int?] = [:]

  private static let ruleKeys = ["match", "history", "transports"]
  private static let historyKeys = ["messages", "age", "bytes"]

  mutating func read(_ node: ConfigurationNode, at path: String) {
    guard case .group(let members) = node.content else {
      problems.append(
        ValueProblem(
          subpath: path, line: node.line, message: "found \(node.found), expected a rule with match and history"))
      return
    }
    var match: TopicPattern?
    var sawMatch = false
    var history = TopicRule.History()
    var transports: [TransportKind]?
    for member in members {
      switch member.key {
      case "match":
        sawMatch = true
        match = pattern(member.value, at: "\(path).match")
      case "history":
        history = self.history(member.value, at: "\(path).history")
      case "transports":
        transports = value(.transports, member.value, at: "\(path).transports")
      default:
        problems.append(ValueProblem(unknown: member, at: path, known: Self.ruleKeys))
      }
    }
    if !sawMatch {
      problems.append(
        ValueProblem(
          subpath: path, line: node.line, message: "has no match; say which topics it rules: match: \"orders.>\""))
    }
    guard let match else { return }
    if let earlier = lines[match] {
      let place = earlier.map { " on line \($0)" } ?? ""
      problems.append(
        ValueProblem(
          subpath: "\(path).match", line: node.line,
          message: "\"\(match)\" is ruled already by an earlier rule\(place); keep one of the two"))
      return
    }
    lines.updateValue(node.line, forKey: match)
    rules.append(TopicRule(match: match, history: history, transports: transports))
  }

  private mutating func pattern(_ node: ConfigurationNode, at path: String) -> TopicPattern? {
    guard case .text(let text) = node.content else {
      problems.append(
        ValueProblem(subpath: path, line: node.line, message: "found \(node.found), expected a topic or pattern"))
      return nil
    }
    do {
      return try TopicPattern(text)
    } catch {
      problems.append(
        ValueProblem(subpath: path, line: node.line, message: "\"\(text)\" is no topic pattern: \(error)"))
      return nil
    }
  }

  private mutating func history(_ node: ConfigurationNode, at path: String) -> TopicRule.History {
    var history = TopicRule.History()
    switch node.content {
    case .nothing: break
    case .group(let members):
      for member in members {
        let memberPath = "\(path).\(member.key)"
        switch member.key {
        case "messages": history.messages = value(.historyMessages, member.value, at: memberPath)
        case "age": history.age = value(.historyAge, member.value, at: memberPath)
        case "bytes": history.bytes = value(.historyBytes, member.value, at: memberPath)
        default: problems.append(ValueProblem(unknown: member, at: path, known: Self.historyKeys))
        }
      }
    case .text, .list:
      problems.append(
        ValueProblem(
          subpath: path, line: node.line,
          message: "found \(node.found), expected a group such as { messages: 1000, age: 10m, bytes: 64MiB }"))
    }
    return history
  }

  private mutating func value<Value>(_ kind: SettingKind<Value>, _ node: ConfigurationNode, at path: String) -> Value? {
    do {
      return try kind.read(node)
    } catch {
      problems += error.list.map { ValueProblem(subpath: path, line: $0.line, message: $0.message) }
      return nil
    }
  }

  static func text(_ rule: TopicRule) -> String {
    var parts: [String] = []
    if let messages = rule.history.messages { parts.append("messages: \(SettingKind.historyMessages.text(messages))") }
    if let age = rule.history.age { parts.append("age: \(SettingKind.historyAge.text(age))") }
    if let bytes = rule.history.bytes { parts.append("bytes: \(SettingKind.historyBytes.text(bytes))") }
    // A pattern may begin with what YAML takes for an alias, and never holds a quote.
    var members = ["match: \"\(rule.match)\""]
    if !parts.isEmpty { members.append("history: { \(parts.joined(separator: ", ")) }") }
    if let transports = rule.transports { members.append("transports: \(SettingKind.transports.text(transports))") }
    return "{ \(members.joined(separator: ", ")) }"
  }
}

// MARK: - What the rules and the `history` settings share

extension SettingKind where Value == Int {
  static var historyMessages: Self { .count(0...100_000_000) }
  static var historyBytes: Self { .size(1...(1 << 40)) }
}

extension SettingKind where Value == Duration {
  static var historyAge: Self { .duration(atMost: .seconds(3650 * 86_400)) }
}
