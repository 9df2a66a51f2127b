package import StreamLog
package import Transports

/// How much of a topic is kept; what passes the first of the three bounds goes, oldest first.
package struct HistoryBounds: Sendable, Equatable {
  /// 0 keeps nothing.
  package var messages: Int
  package var age: Duration
  package var bytes: Int

  package init(messages: Int = 1000, age: Duration = .seconds(10 * 60), bytes: Int = 64 * 1024 * 1024) {
    self.messages = messages
    self.age = age
    self.bytes = bytes
  }
}

/// What an operator wrote for the topics that `match`; a part that was left out is the `history` setting's, or the
/// `transports` setting's.
package struct TopicRule: Sendable, Equatable {
  package struct History: Sendable, Equatable {
    package var messages: Int?
    package var age: Duration?
    package var bytes: Int?

    package init(messages: Int? = nil, age: Duration? = nil, bytes: Int? = nil) {
      self.messages = messages
      self.age = age
      self.bytes = bytes
    }
  }

  package var match: TopicPattern
  package var history: History
  /// nil: those of the `transports` setting.
  package var transports: [TransportKind]?

  package init(match: TopicPattern, history: History = History(), transports: [TransportKind]? = nil) {
    self.match = match
    self.history = history
    self.transports = transports
  }
}
