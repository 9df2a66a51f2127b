package import HTTPServer
import HTTPSyntax
package import StreamLog
package import StreamStores
package import WireFormat

/// What a client asks of `/v1/stream`, from the query of a GET or the body of a POST (protocol section 4).
package struct StreamRequest: Sendable {
  package static let parameters = ["topic", "since", "rewind", "wait", "limit", "format", "transport"]

  package var transport: TransportKind
  package var patterns: [TopicPattern]
  /// nil: from now on.
  package var start: ReadStart?
  /// How long a poll may wait, in seconds.
  package var waitSeconds: Int
  /// Most messages in a poll's answer.
  package var limit: Int
  /// sse: `data` is the payload alone.
  package var isRaw: Bool

  package struct Limits: Sendable {
    package var topics = 1000
    /// Of those, the ones with wildcards: each is looked at for every message, a topic is looked up.
    package var patterns = 50
    package var pollWaitSeconds = 60
    package var pollMessages = 1000
    package var transports = TransportRules()

    package init() {}

    /// - Parameters:
    ///   - patterns: what a subscriber asks for.
    ///   - topics: how many topics and patterns it has already, and `wildcards` how many of them have wildcards.
    package func check(_ patterns: [TopicPattern], topics: Int = 0, wildcards: Int = 0) throws(Problem) {
      guard topics + patterns.count <= self.topics else { throw .tooManyTopics(limit: self.topics) }
      guard wildcards + patterns.count(where: { $0.exact == nil }) <= self.patterns else {
        throw .tooManyPatterns(limit: self.patterns)
      }
    }
  }

  /// Reads the query.
  package init(_ request: HTTPRequest, limits: Limits) throws(Problem) {
    let query = try Query(request.target, allowed: Self.parameters, repeatable: ["topic"])
    try self.init(
      request, patterns: try TopicPattern.parse(query.all("topic"), parameter: "topic"), since: query["since"],
      rewind: try query.int("rewind"), wait: try query.int("wait"), limit: try query.int("limit"),
      format: query["format"], transport: query["transport"], limits: limits)
  }

  /// Reads a body; the query must be empty, but for `transport`.
  package init(_ request: HTTPRequest, body: [UInt8], limits: Limits) throws(Problem) {
    let query = try Query(request.target, allowed: ["transport"], repeatable: [])
    let body = try StreamBody(body, maxTopics: limits.topics)
    try self.init(
      request, patterns: body.topics, since: body.since, rewind: body.rewind, wait: body.wait, limit: body.limit,
      format: body.format, transport: body.transport ?? query["transport"], limits: limits)
  }

  private init(
    _ request: HTTPRequest, patterns: [TopicPattern], since: String?, rewind: Int?, wait: Int?, limit: Int?,
    format: String?, transport: String?, limits: Limits
  ) throws(Problem) {
    self.transport = try TransportKind.negotiate(request, named: transport)
    self.patterns = patterns
    try limits.check(patterns)
    try limits.transports.check(self.transport, patterns)
    if self.transport == .websocket, !request.wantsWebSocket {
      throw .upgradeRequired("A websocket begins with GET, 'Connection: Upgrade' and 'Upgrade: websocket'.")
    }
    guard !self.patterns.isEmpty || self.transport == .websocket else {
      throw .missingParameter("topic", "names a topic or pattern to read; repeat it for several")
    }
    start = try Self.start(request, since: since, rewind: rewind, isEventStream: self.transport == .sse)
    waitSeconds = try Self.checked(wait, "wait", 0...limits.pollWaitSeconds, default: min(25, limits.pollWaitSeconds))
    self.limit = try Self.checked(limit, "limit", 1...limits.pollMessages, default: limits.pollMessages)
    isRaw = try Self.isRaw(format, patterns: self.patterns, transport: self.transport)
  }

  private static func start(
    _ request: HTTPRequest, since: String?, rewind: Int?, isEventStream: Bool
  ) throws(Problem) -> ReadStart? {
    if isEventStream, let last = request.headers.first(name: "last-event-id"), !last.isEmpty { return .since(last) }
    if let since { return since == "earliest" ? .earliest : .since(since) }
    return try rewind.map { (count) throws(Problem) in .rewind(try checkedRewind(count)) }
  }

  /// - Returns: the count, if it is one that can be meant.
  package static func checkedRewind(_ count: Int) throws(Problem) -> Int {
    try checked(count, "rewind", 0...1_000_000, default: 0)
  }

  private static func checked(
    _ value: Int?, _ name: String, _ range: ClosedRange<Int>, default standard: Int
  ) throws(Problem) -> Int {
    guard let value else { return standard }
    guard range.contains(value) else {
      throw .invalidParameter(name, "must be \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  private static func isRaw(
    _ format: String?, patterns: [TopicPattern], transport: TransportKind
  ) throws(Problem) -> Bool {
    switch format {
    case nil, "json": return false
    case "raw":
      guard transport == .sse, patterns.count == 1, patterns[0].exact != nil else {
        throw .invalidParameter("format", "raw is for sse with one topic; leave it out, or subscribe to one topic")
      }
      return true
    default: throw .invalidParameter("format", "must be json or raw")
    }
  }
}
