import StreamLog
import Testing

@Suite struct RetentionRulesTests {
  private func keeping(_ messages: Int) -> Retention { Retention(messages: messages, ageMilliseconds: 1, bytes: 1) }

  @Test(arguments: [("a.1", 1), ("a.2", 2), ("a.2.x", 3), ("b", 0), ("a", 0)])
  func `the first rule that matches is the topic's, else the standard`(topic: String, messages: Int) throws {
    let rules = RetentionRules(
      rules: [
        .init(match: try TopicPattern("a.1"), retention: keeping(1)),
        .init(match: try TopicPattern("a.*"), retention: keeping(2)),
        .init(match: try TopicPattern("a.>"), retention: keeping(3)),
        .init(match: try TopicPattern("a.1"), retention: keeping(4)),
      ], standard: keeping(0))
    #expect(rules.retention(for: try TopicName(topic)) == keeping(messages))
  }

  @Test func `without rules every topic has the standard`() throws {
    #expect(RetentionRules().retention(for: try TopicName("a")) == .standard)
    #expect(Retention.standard == Retention(messages: 1000, ageMilliseconds: 600_000, bytes: 64 << 20))
  }
}
