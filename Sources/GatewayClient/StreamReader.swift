import NIOCore
import WireFormat

/// One connection of a subscription, whatever its transport.
protocol StreamReader: AnyObject {
  /// What comes next.
  ///
  /// - Throws: `GatewayClientError`; a temporary one means that a new connection may go on.
  func next() async throws -> StreamStep
}

enum StreamStep {
  /// For the consumer; `position` is where to resume once it has it, nil if that has not changed.
  case item(SubscriptionItem, position: String?)
  /// The stream wishes for another first wait.
  case reconnectionTime(Duration)
  /// Nothing for the consumer, but the stream goes on from there (nil: from where it was).
  case moved(String?)
  /// The connection is over, as far as we are concerned.
  case ended(reason: String, advice: ReconnectPolicy.Advice?)
}

extension StreamStep {
  /// Understands one object of a stream: a message, or a control by its `type`.
  ///
  /// - Parameter name: the control's name where the transport says it beside the object (sse).
  init(_ raw: [UInt8], name: String? = nil) throws(GatewayClientError) {
    guard let object = ReceivedObject(raw) else {
      throw .notUnderstood("it sent something that is not a JSON object: \(Self.excerpt(raw))")
    }
    let id = object.string("id")
    switch name ?? object.string("type") {
    case nil:
      guard let message = StreamMessage(object, raw: raw) else {
        throw .notUnderstood("it sent a message without id, topic, seq or data: \(Self.excerpt(raw))")
      }
      self = .item(.message(message), position: message.id)
    case "hello":
      let hello = StreamHello(
        id: id, heartbeat: object.integer("heartbeat").flatMap { $0 > 0 ? .seconds($0) : nil },
        session: object.string("session"))
      self = .item(.hello(hello), position: id)
    case "gap": self = .item(.gap(StreamGap(object, raw: raw)), position: id)
    case "caught_up": self = .item(.caughtUp(id: id), position: id)
    case "heartbeat": self = .item(.heartbeat(id: id), position: id)
    case "reconnect":
      let delay = object.integer("after_ms").map { ReconnectPolicy.Advice.exactly(.milliseconds(max($0, 0))) }
      self = .ended(reason: "the gateway asked to come back later", advice: delay)
    case "error":
      let refusal = Refusal(
        status: object.integer("status").flatMap { Int(exactly: $0) } ?? 500, code: object.string("code"),
        detail: object.string("detail") ?? "the gateway reported a fault", body: raw)
      self = .item(.fault(refusal), position: nil)
    case "subscribed": self = .moved(id)
    default:
      // Whatever later gateways say; `published` names a message and is not a position.
      self = .moved(nil)
    }
  }

  private static func excerpt(_ raw: [UInt8]) -> String { String(decoding: raw.prefix(80), as: UTF8.self) }
}

extension SubscriptionItem {
  /// A message or control as it stands in an answer; nil for what tells a consumer nothing.
  package init?(_ raw: [UInt8]) {
    guard case .item(let item, _)? = try? StreamStep(raw) else { return nil }
    self = item
  }
}

/// How a subscription asks for its stream: the same on every connection but for where it goes on.
struct StreamRequest: Sendable {
  /// Above this a request line is refused somewhere on the way, and the topics go into a body.
  static let longestTarget = 4000
  /// What a stream counts as dead after, in heartbeats.
  static let silenceFactor = 2.5

  var url: GatewayURL
  var options: SubscriptionOptions
  /// nil: from now on.
  var since: String?
  /// A connection has been lost: `since` is what was seen last.
  var isResuming: Bool

  var silenceLimit: Duration { options.heartbeat * Self.silenceFactor }

  /// The URL of `/v1/stream` with these options, without topics if they do not fit.
  func target(sinceInQuery: Bool = true, _ more: [(String, String)] = []) -> (url: GatewayURL, hasTopics: Bool) {
    var rest = QueryString()
    if sinceInQuery, let since { rest.add("since", since) }
    if since == nil, let rewind = options.rewind { rest.add("rewind", "\(rewind)") }
    for (name, value) in more { rest.add(name, value) }
    var all = QueryString()
    for topic in options.topics { all.add("topic", topic) }
    let full = [all.text, rest.text].filter { !$0.isEmpty }.joined(separator: "&")
    if full.utf8.count <= Self.longestTarget { return (url.appending("/v1/stream?\(full)"), true) }
    return (url.appending("/v1/stream"), false)
  }

  /// The members that say what to subscribe to, as `POST /v1/stream` and the websocket's `subscribe` take them.
  func members(_ more: [(String, String)] = []) -> String {
    var members = ["\"topics\":[\(options.topics.map(Self.quoted).joined(separator: ","))]"]
    if let since { members.append("\"since\":\(Self.quoted(since))") }
    if since == nil, let rewind = options.rewind { members.append("\"rewind\":\(rewind)") }
    members += more.map { "\"\($0.0)\":\($0.1)" }
    return members.joined(separator: ",")
  }

  /// A JSON string.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\":
        result += "\\"
        result.unicodeScalars.append(scalar)
      case "\u{0}"..."\u{1f}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
