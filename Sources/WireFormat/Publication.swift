package import StreamLog

/// What must hold of a topic for a publish to happen (protocol section 6).
package enum Precondition: Hashable, Sendable {
  /// `If-Match`: the topic's last accepted message, held or not, has this id. A text that is no id never matches.
  case lastIs(String)
  /// `If-None-Match: *`: the topic has had no message.
  case neverPublished
}

/// One message to publish, to one topic or whole to several.
package struct PublishItem: Sendable {
  /// In the order given, none twice, none of the gateway's own.
  package var topics: [TopicName]
  package var draft: MessageDraft
  /// The idempotency key.
  package var key: String?
  /// With one topic only.
  package var ifLast: Precondition?

  package init(topics: [TopicName], draft: MessageDraft, key: String? = nil, ifLast: Precondition? = nil) {
    self.topics = topics
    self.draft = draft
    self.key = key
    self.ifLast = ifLast
  }

  /// A topic that a client may publish to.
  package static func topic(_ text: String, parameter: String? = nil) throws(Problem) -> TopicName {
    let topic: TopicName
    do {
      topic = try TopicName(text)
    } catch {
      throw .invalidTopic(text, error, parameter: parameter)
    }
    guard !topic.isReserved else { throw .reservedTopic(topic) }
    return topic
  }

  /// In bytes.
  package static let longestKey = 255

  /// Checks an idempotency key: 1 to 255 printable ASCII bytes.
  ///
  /// - Parameter parameter: where it stands: a member's or a header field's name.
  package static func checkKey(_ key: String, parameter: String = "key") throws(Problem) {
    guard (1...longestKey).contains(key.utf8.count), key.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else {
      throw .invalidParameter(parameter, "must have 1 to \(longestKey) printable ASCII characters")
    }
  }
}
