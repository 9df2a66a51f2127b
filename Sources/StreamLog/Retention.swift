/// How much of a topic's history is kept: whichever bound is reached first drops messages from the front.
package struct Retention: Hashable, Sendable {
  /// Most messages held; 0 keeps none.
  package var messages: Int
  /// Oldest message held, in milliseconds since its commit.
  package var ageMilliseconds: Int64
  /// Most bytes held, as `Message.cost` counts them.
  package var bytes: Int

  package init(messages: Int, ageMilliseconds: Int64, bytes: Int) {
    self.messages = messages
    self.ageMilliseconds = ageMilliseconds
    self.bytes = bytes
  }

  package static let standard = Retention(messages: 1000, ageMilliseconds: 600_000, bytes: 64 << 20)
}

/// Which retention rules a topic: the first rule whose pattern matches, else the standard.
package struct RetentionRules: Sendable, Equatable {
  package var rules: [Rule]
  package var standard: Retention

  package struct Rule: Sendable, Equatable {
    package var match: TopicPattern
    package var retention: Retention

    package init(match: TopicPattern, retention: Retention) {
      self.match = match
      self.retention = retention
    }
  }

  package init(rules: [Rule] = [], standard: Retention = .standard) {
    self.rules = rules
    self.standard = standard
  }

  package func retention(for topic: TopicName) -> Retention {
    rules.first { $0.match.matches(topic) }?.retention ?? standard
  }
}
