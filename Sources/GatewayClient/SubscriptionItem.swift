import WireFormat

/// What a subscription tells its consumer, in order.
package enum SubscriptionItem: Sendable, Hashable {
  /// A connection is open (a poll: its first answer came).
  case connected
  case hello(StreamHello)
  case message(StreamMessage)
  case gap(StreamGap)
  /// What was missed has been sent; live from here.
  case caughtUp(id: String?)
  case heartbeat(id: String?)
  /// The gateway reported a fault that does not end the stream.
  case fault(Refusal)
  /// The connection ended and another will be tried after that time.
  case reconnecting(after: Duration, reason: String)
}

/// The first thing a stream says.
package struct StreamHello: Sendable, Hashable {
  /// Where this subscriber's reading begins.
  package var id: String?
  /// How often at least something comes, if the gateway says so.
  package var heartbeat: Duration?
  package var session: String?

  package init(id: String? = nil, heartbeat: Duration? = nil, session: String? = nil) {
    self.id = id
    self.heartbeat = heartbeat
    self.session = session
  }
}

/// One message of a stream, as it came.
package struct StreamMessage: Sendable, Hashable {
  /// The encoded object, byte for byte.
  package var raw: [UInt8]
  package var id: String
  package var topic: String
  package var seq: UInt64
  /// Milliseconds since 1970 at commit.
  package var time: Int64
  package var event: String?

  /// The bytes of `data`'s value.
  package var data: ArraySlice<UInt8> { ReceivedObject(raw)?.raw("data") ?? [] }

  /// nil: a member that every message has is missing.
  init?(_ object: ReceivedObject, raw: [UInt8]) {
    guard let id = object.string("id"), let topic = object.string("topic"),
      let seq = object.integer("seq").flatMap(UInt64.init(exactly:)), object.raw("data") != nil
    else { return nil }
    self.raw = raw
    self.id = id
    self.topic = topic
    self.seq = seq
    time = object.integer("time") ?? 0
    event = object.string("event")
  }
}

/// Messages that were wanted and cannot be had any more (protocol section 3).
package struct StreamGap: Sendable, Hashable {
  /// The encoded object, byte for byte.
  package var raw: [UInt8]
  /// The topic or pattern as subscribed; nil where the gap is the whole subscriber's (`epoch`).
  package var topic: String?
  /// The last id that is not missing; nil if nothing is known of what was before.
  package var after: String?
  /// The last missing id: a position.
  package var id: String?
  /// The last missing message's number, where it is known.
  package var seq: UInt64?
  package var reason: String

  init(_ object: ReceivedObject, raw: [UInt8]) {
    self.raw = raw
    topic = object.string("topic")
    after = object.string("after")
    id = object.string("id")
    seq = object.integer("seq").flatMap(UInt64.init(exactly:))
    reason = object.string("reason") ?? "unknown"
  }
}

/// How a subscriber is reached.
package enum StreamTransport: String, Sendable, CaseIterable {
  case websocket, sse, ndjson, poll
}

/// What to subscribe to, and how.
package struct SubscriptionOptions: Sendable {
  /// Topics and patterns.
  package var topics: [String]
  package var transport: StreamTransport
  /// An id, or `earliest`; nil: from now on.
  package var since: String?
  /// The last n messages of each topic first; `since` wins over it.
  package var rewind: Int?
  package var reconnect = ReconnectPolicy()
  /// Whether a first connection that cannot be made is an error at once, instead of being tried again.
  package var failsWithoutFirstConnection = false
  /// Offered on a websocket.
  package var offersCompression = true
  /// How long a poll may wait, in whole seconds.
  package var pollWait = 25
  /// Messages a poll may bring; nil: the gateway's default.
  package var pollLimit: Int?
  /// How often something comes at least, until a hello says otherwise. After 2.5 times that the connection counts
  /// as dead.
  package var heartbeat = Duration.seconds(25)

  package init(topics: [String], transport: StreamTransport = .websocket, since: String? = nil, rewind: Int? = nil) {
    self.topics = topics
    self.transport = transport
    self.since = since
    self.rewind = rewind
  }
}
