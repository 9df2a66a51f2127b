package import StreamLog

/// What a gateway says to one subscriber beside messages (protocol sections 3 and 4): an object with a `type`.
package enum Control: Sendable, Equatable {
  /// The first thing on every connection. `heartbeat` is in seconds; `session` names the connection in logs. Without
  /// an id if a gap follows that says where reading begins.
  case hello(id: Position?, heartbeat: Int, session: String?)
  /// A subscription's reading begins, at `id`, or where the gap that follows says.
  case subscribed(topics: [TopicPattern], id: Position?, ref: Ref? = nil)
  case unsubscribed(topics: [TopicPattern], ref: Ref? = nil)
  /// What was missed has been sent, up to `id`; from here on it is live.
  case caughtUp(id: Position, ref: Ref? = nil)
  case gap(Gap)
  case heartbeat(id: Position, ref: Ref? = nil)
  /// `id` is the message's and no position of this subscriber.
  case published(id: Position, seq: UInt64, ref: Ref? = nil)
  case reconnect(afterMs: Int)
  case error(Problem, ref: Ref? = nil)

  package static let names = [
    "hello", "subscribed", "unsubscribed", "caught_up", "gap", "heartbeat", "published", "reconnect", "error",
  ]

  /// The object's `type`, and the name of the event on sse.
  package var name: StaticString {
    switch self {
    case .hello: "hello"
    case .subscribed: "subscribed"
    case .unsubscribed: "unsubscribed"
    case .caughtUp: "caught_up"
    case .gap: "gap"
    case .heartbeat: "heartbeat"
    case .published: "published"
    case .reconnect: "reconnect"
    case .error: "error"
    }
  }

  /// The subscriber's own position at this point, for the controls that carry one: safe to resume from, and the
  /// `id:` of an sse event.
  package var position: Position? {
    switch self {
    case .hello(let id, _, _), .subscribed(_, let id, _): id
    case .caughtUp(let id, _), .heartbeat(let id, _): id
    case .gap(let gap): gap.through
    case .unsubscribed, .published, .reconnect, .error: nil
    }
  }

  /// The control as one JSON text, in the order of members that section 3 shows.
  package var encoded: [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(128)
    out.append(contentsOf: "{\"type\":\"".utf8)
    out.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    out.append(UInt8(ascii: "\""))
    for (key, value) in members {
      out.append(contentsOf: ",\"".utf8)
      out.append(contentsOf: key.utf8)
      out.append(contentsOf: "\":".utf8)
      value.append(to: &out)
    }
    out.append(UInt8(ascii: "}"))
    return out
  }

  /// Everything after `type`.
  private var members: [(String, JSONValue)] {
    switch self {
    case .hello(let id, let heartbeat, let session):
      Self.optional("id", id.map(JSONValue.id)) + [("heartbeat", .int(heartbeat))]
        + Self.optional("session", session.map(JSONValue.string))
    case .subscribed(let topics, let id, let ref):
      [("topics", .topics(topics))] + Self.optional("id", id.map(JSONValue.id)) + Self.echo(ref)
    case .unsubscribed(let topics, let ref): [("topics", .topics(topics))] + Self.echo(ref)
    case .caughtUp(let id, let ref), .heartbeat(let id, let ref): [("id", .id(id))] + Self.echo(ref)
    case .gap(let gap):
      Self.optional("topic", gap.topic.map { .string($0.string) })
        + Self.optional("after", gap.after.map(JSONValue.id))
        + [("id", .id(gap.through))]
        + Self.optional("seq", gap.seq.map(JSONValue.uint))
        + [("reason", .string(gap.reason.rawValue))]
    case .published(let id, let seq, let ref): [("id", .id(id)), ("seq", .uint(seq))] + Self.echo(ref)
    case .reconnect(let afterMs): [("after_ms", .int(afterMs))]
    case .error(let problem, let ref): problem.controlMembers + Self.echo(ref)
    }
  }

  private static func optional(_ key: String, _ value: JSONValue?) -> [(String, JSONValue)] {
    value.map { [(key, $0)] } ?? []
  }

  private static func echo(_ ref: Ref?) -> [(String, JSONValue)] { optional("ref", ref.map { .raw($0.json) }) }
}

extension JSONValue {
  package static func id(_ position: Position) -> JSONValue { .string(position.description) }

  fileprivate static func topics(_ topics: [TopicPattern]) -> JSONValue { .array(topics.map { .string($0.string) }) }
}
