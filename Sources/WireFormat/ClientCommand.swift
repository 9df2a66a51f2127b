package import StreamLog

/// What a client says on a websocket (protocol section 4).
package enum ClientCommand: Sendable {
  /// `since` is judged where the log is known; `rewind` is how many of each topic's last messages.
  case subscribe(topics: [TopicPattern], since: String?, rewind: Int?, ref: Ref?)
  case unsubscribe(topics: [TopicPattern], ref: Ref?)
  /// With exactly one topic and no condition.
  case publish(PublishItem, ref: Ref?)
  case auth(token: String, ref: Ref?)
  case ping(ref: Ref?)

  package var ref: Ref? {
    switch self {
    case .subscribe(_, _, _, let ref), .unsubscribe(_, let ref), .publish(_, let ref), .auth(_, let ref),
      .ping(let ref):
      ref
    }
  }

  /// Reads one text message.
  ///
  /// - Parameter maxTopics: most topics and patterns of one command, counted before any is read.
  /// - Throws: what is wrong, with the `ref` if there was a readable one.
  package init(_ text: [UInt8], maxTopics: Int = .max) throws(CommandError) {
    let command: JSONObject
    do {
      command = try JSONObject(text, what: "a command")
    } catch {
      // A command that is no object is no command; what is no JSON stays that.
      throw CommandError(problem: error.code == .badRequest ? .invalidCommand(error.detail) : error, ref: nil)
    }
    let ref = command.raw("ref").flatMap { Ref(json: $0) }
    do throws(Problem) {
      guard ref != nil || !command.has("ref") else {
        throw Problem.invalidParameter("ref", "must be a number or a string of at most \(Ref.longest) bytes")
      }
      self = try Self.read(command, ref: ref, maxTopics: maxTopics)
    } catch {
      throw CommandError(problem: error, ref: ref)
    }
  }

  private static let kinds = ["subscribe", "unsubscribe", "publish", "auth", "ping"]

  private static func read(_ command: JSONObject, ref: Ref?, maxTopics: Int) throws(Problem) -> ClientCommand {
    guard let type = try command.string("type") else {
      throw .invalidCommand("A command needs a 'type': \(Quoting.list(kinds)).")
    }
    switch type {
    case "subscribe":
      try command.check(allowed: ["type", "topics", "since", "rewind", "ref"])
      return .subscribe(
        topics: try topics(of: command, most: maxTopics), since: try command.string("since"),
        rewind: try command.int("rewind"), ref: ref)
    case "unsubscribe":
      try command.check(allowed: ["type", "topics", "ref"])
      return .unsubscribe(topics: try topics(of: command, most: maxTopics), ref: ref)
    case "publish":
      try command.check(allowed: ["type", "topic", "data", "event", "key", "ref"])
      return .publish(try publication(of: command), ref: ref)
    case "auth":
      try command.check(allowed: ["type", "token", "ref"])
      guard let token = try command.string("token") else {
        throw .missingParameter("token", "is the new token")
      }
      return .auth(token: token, ref: ref)
    case "ping":
      try command.check(allowed: ["type", "ref"])
      return .ping(ref: ref)
    default:
      let hint = Quoting.suggestion(for: type, among: kinds).map { " Did you mean '\($0)'?" } ?? ""
      throw .invalidCommand("There is no command \(Quoting.text(type)).\(hint) Known: \(Quoting.list(kinds)).")
    }
  }

  private static func topics(of command: JSONObject, most: Int) throws(Problem) -> [TopicPattern] {
    guard let texts = try command.strings("topics", limit: JSONObject.Limit(most, .tooManyTopics(limit: most))) else {
      throw .missingParameter("topics", "is the array of topics or patterns")
    }
    guard !texts.isEmpty else { throw .invalidParameter("topics", "needs at least one topic or pattern") }
    return try TopicPattern.parse(texts, parameter: "topics")
  }

  private static func publication(of command: JSONObject) throws(Problem) -> PublishItem {
    guard let name = try command.string("topic") else {
      throw .missingParameter("topic", "says where the message goes")
    }
    let topic = try PublishItem.topic(name, parameter: "topic")
    let draft = try MessageDraft(member: "data", of: command)
    let key = try command.string("key")
    if let key { try PublishItem.checkKey(key) }
    return PublishItem(topics: [topic], draft: draft, key: key)
  }
}

/// A command that cannot be followed.
package struct CommandError: Error, Sendable {
  package let problem: Problem
  /// The command's mark, if it could be read.
  package let ref: Ref?
}

extension TopicPattern {
  /// Each pattern once, where it stands first: the same one twice is one subscription.
  ///
  /// - Parameter parameter: where the texts stand, for errors.
  package static func parse(_ texts: [String], parameter: String) throws(Problem) -> [TopicPattern] {
    var patterns: [TopicPattern] = []
    var seen: Set<TopicPattern> = []
    for text in texts {
      do {
        let pattern = try TopicPattern(text)
        // One alone, as most are, needs no set.
        if texts.count == 1 || seen.insert(pattern).inserted { patterns.append(pattern) }
      } catch {
        throw Problem.invalidPattern(text, error, parameter: parameter)
      }
    }
    return patterns
  }
}
