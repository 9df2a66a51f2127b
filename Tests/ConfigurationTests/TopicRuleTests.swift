import Configuration
import StreamLog
import Testing

struct TopicRuleTests {
  @Test func `the first rule that matches rules, and what it leaves out is the default history`() throws {
    let configuration = try loadConfiguration(
      """
      history: { messages: 20, age: 5m, bytes: 2MiB }
      topics:
        - match: orders.eu.>
          history: { age: 1h }
        - match: "orders.>"
          history:
            messages: 0
      """
    ).configuration
    #expect(
      configuration.history(of: try TopicName("orders.eu.1"))
        == HistoryBounds(messages: 20, age: .seconds(3600), bytes: 2 << 20))
    #expect(
      configuration.history(of: try TopicName("orders.us.1"))
        == HistoryBounds(messages: 0, age: .seconds(300), bytes: 2 << 20))
    #expect(configuration.history(of: try TopicName("chat")) == configuration.history)
  }

  @Test func `rules in the environment are YAML in one line`() throws {
    let topics = try loadConfiguration(environment: ["SLUICE_TOPICS": #"[{match: "a.>", history: {messages: 3}}]"#])
      .configuration.topics
    #expect(topics == [TopicRule(match: try TopicPattern("a.>"), history: .init(messages: 3))])
  }

  @Test(arguments: [
    ("- a", "topics[0]: found \"a\", expected a rule with match and history"),
    ("- {history: {age: 1h}}", "topics[0]: has no match; say which topics it rules: match: \"orders.>\""),
    ("- {match: a..b}", "topics[0].match: \"a..b\" is no topic pattern: a segment between dots is empty"),
    ("- {match: [a]}", "topics[0].match: found a list, expected a topic or pattern"),
    ("- {match: a, histroy: {}}", "topics[0].histroy: is unknown (did you mean history?)"),
    ("- {match: a, history: 5}", "topics[0].history: found \"5\", expected a group"),
    ("- {match: a, history: {mesages: 5}}", "topics[0].history.mesages: is unknown (did you mean messages?)"),
    ("- {match: a, history: {messages: x}}", "topics[0].history.messages: \"x\" is not a whole number"),
    ("- {match: a, history: {age: 5}}", "topics[0].history.age: \"5\" has no unit; write 5s"),
    ("- {match: a, history: {bytes: 0}}", "topics[0].history.bytes: \"0\" is out of range"),
  ])
  func `a rule that is none is refused where it is wrong`(rule: String, why: String) {
    let told = configurationErrors("topics:\n  \(rule)\n")
    #expect(told.count == 1)
    #expect(told.first?.hasPrefix("s.yaml:2: \(why)") == true, "\(told)")
    let inEnvironment = configurationErrors(environment: ["SLUICE_TOPICS": rule])
    #expect(inEnvironment.first?.hasPrefix("SLUICE_TOPICS: \(why)") == true, "\(inEnvironment)")
  }

  @Test func `a second rule for the same pattern is refused with both places`() {
    #expect(
      configurationErrors("topics:\n- match: a\n- match: b\n- match: a\n") == [
        "s.yaml:4: topics[2].match: \"a\" is ruled already by an earlier rule on line 2; keep one of the two"
      ])
  }

  @Test func `every problem of every rule is told`() {
    let told = configurationErrors("topics:\n- { match: a..b, history: { age: 1 } }\n- { mach: x }\n")
    #expect(told.map { $0.prefix(8) } == ["s.yaml:2", "s.yaml:2", "s.yaml:3", "s.yaml:3"])
  }

  @Test(arguments: ["[{match: a", "{match: a, match: b}", "- a\n\t- b"])
  func `what is no YAML in the environment is refused`(text: String) {
    let told = configurationErrors(environment: ["SLUICE_TOPICS": text])
    #expect(told.count == 1)
    #expect(told.first?.hasPrefix("SLUICE_TOPICS: topics: ") == true, "\(told)")
  }
}
