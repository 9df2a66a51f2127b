import StreamLog

/// The body of `POST /v1/publish`: messages that are judged one by one (protocol section 6).
package struct PublishRequest: Sendable {
  /// In the order given. A fault of one message is its own; the others go on.
  package let items: [Result<PublishItem, Problem>]

  private static let members = ["topic", "topics", "data", "event", "key", "if_last"]

  package struct Limits: Sendable {
    /// Most messages of one request, each counted once for every topic it goes to: that is how many are committed.
    package var messages: Int
    /// Most bytes of `data` of one request, counted in the same way.
    package var bytes: Int
    /// Most bytes of one message's `data`.
    package var messageBytes: Int

    package init(messages: Int, bytes: Int, messageBytes: Int) {
      self.messages = messages
      self.bytes = bytes
      self.messageBytes = messageBytes
    }
  }

  /// - Throws: for what is no such body as a whole: no JSON, no array of messages, too many of them or of their bytes.
  package init(_ body: [UInt8], limits: Limits) throws(Problem) {
    let request = try JSONObject(body, what: "the body")
    try request.check(allowed: ["messages"])
    let limit = JSONObject.Limit(limits.messages, .tooManyItems(limit: limits.messages))
    guard let elements = try request.elements("messages", "must be an array of messages", limit: limit) else {
      throw .missingParameter("messages", "is the array of messages to publish")
    }
    var items: [Result<PublishItem, Problem>] = []
    items.reserveCapacity(elements.count)
    var messages = 0
    var bytes = 0
    for element in elements {
      do throws(Problem) {
        let item = try Self.item(
          try request.object(in: element, what: "a message"), limits, room: limits.messages - messages)
        messages += item.topics.count
        bytes += item.topics.count * item.draft.data.count
        guard messages <= limits.messages else { throw .tooManyItems(limit: limits.messages) }
        guard bytes <= limits.bytes else { throw .batchTooLarge(limit: limits.bytes) }
        items.append(.success(item))
      } catch {
        // Too much is the request's fault, whichever of its messages comes last.
        if error.code == .tooManyItems || error.code == .bodyTooLarge { throw error }
        items.append(.failure(error))
      }
    }
    self.items = items
  }

  /// - Parameter room: how many topics are left for it within the request.
  private static func item(_ message: JSONObject, _ limits: Limits, room: Int) throws(Problem) -> PublishItem {
    try message.check(allowed: members)
    let topics = try topics(of: message, limit: JSONObject.Limit(room, .tooManyItems(limit: limits.messages)))
    let draft = try MessageDraft(member: "data", of: message)
    guard draft.data.count <= limits.messageBytes else { throw .messageTooLarge(limit: limits.messageBytes) }
    let key = try message.string("key")
    if let key { try PublishItem.checkKey(key) }
    let condition = try condition(of: message)
    guard condition == nil || topics.count == 1 else {
      throw .invalidParameter("if_last", "needs exactly one topic")
    }
    return PublishItem(topics: topics, draft: draft, key: key, ifLast: condition)
  }

  private static func topics(of message: JSONObject, limit: JSONObject.Limit) throws(Problem) -> [TopicName] {
    guard !message.has("topic") || !message.has("topics") else {
      throw .invalidParameter("topics", "stands beside 'topic'; keep one of the two")
    }
    if let topic = try message.string("topic") { return [try PublishItem.topic(topic, parameter: "topic")] }
    guard let names = try message.strings("topics", limit: limit) else {
      throw .missingParameter("topic", "says where the message goes; or give 'topics', an array")
    }
    guard !names.isEmpty else { throw .invalidParameter("topics", "needs at least one topic") }
    var topics: [TopicName] = []
    var seen: Set<TopicName> = []
    for name in names {
      let topic = try PublishItem.topic(name, parameter: "topics")
      guard seen.insert(topic).inserted else {
        var problem = Problem.invalidParameter("topics", "has \(Quoting.text(name)) twice; keep one")
        problem.topic = name
        throw problem
      }
      topics.append(topic)
    }
    return topics
  }

  private static func condition(of message: JSONObject) throws(Problem) -> Precondition? {
    guard message.has("if_last") else { return nil }
    if message.isNull("if_last") { return .neverPublished }
    do {
      return try message.string("if_last").map(Precondition.lastIs)
    } catch {
      throw .invalidParameter("if_last", "must be the id of the topic's last message, or null for none ever")
    }
  }
}

extension MessageDraft {
  /// The message that `data` and `event` of a publish object make.
  init(member key: String, of object: JSONObject) throws(Problem) {
    guard let data = object.raw(key) else {
      throw .missingParameter(key, "is the message itself, any JSON value, null too")
    }
    let event = try object.string("event")
    do {
      if let event { try EventName.check(event) }
    } catch {
      throw error.problem
    }
    self.init(event: event, kind: .json, data: data)
  }
}
