import GatewayClient

/// What a reader asks for.
struct Reading {
  var topics: [String]
  var since: String?
  var rewind: Int?
  /// More parameters.
  var more: [(String, String)] = []
  var headers: [(String, String)] = []
  /// The request in a POST's body instead of the query.
  var posts = false
  /// Of the kernel, for a reader that is to stall early.
  var receiveBuffer: Int?
  /// In bytes; see `Wire.connect`.
  var pauseAfter: Int?

  init(
    _ topics: String..., since: String? = nil, rewind: Int? = nil, more: [(String, String)] = [],
    headers: [(String, String)] = []
  ) {
    self.topics = topics
    self.since = since
    self.rewind = rewind
    self.more = more
    self.headers = headers
  }

  var query: String {
    var query = QueryString()
    for topic in topics { query.add("topic", topic) }
    if let since { query.add("since", since) }
    if let rewind { query.add("rewind", "\(rewind)") }
    for (name, value) in more { query.add(name, value) }
    return query.appended(to: "/v1/stream")
  }

  var body: String {
    var members = ["\"topics\":[\(topics.map { "\"\($0)\"" }.joined(separator: ","))]"]
    if let since { members.append("\"since\":\"\(since)\"") }
    if let rewind { members.append("\"rewind\":\(rewind)") }
    members += more.map { "\"\($0.0)\":\($0.1)" }
    return "{\(members.joined(separator: ","))}"
  }

  /// Sends the request.
  func send(on http: HTTPWire, accept: String) {
    let headers = headers + [("Accept", accept)]
    if posts {
      http.send(
        "POST", "/v1/stream", headers: headers + [("Content-Type", "application/json")], body: Array(body.utf8))
    } else {
      http.send("GET", query, headers: headers)
    }
  }
}

/// A client of any transport, in one shape, so that a test reads the same for all four. One task at a time.
final class Reader {
  let kind: StreamTransport
  private let source: any ItemSource
  /// What it would hand back after a break: the id of the last message or control, or a poll's `next`.
  private(set) var position: String?

  private init(_ kind: StreamTransport, _ source: any ItemSource) {
    self.kind = kind
    self.source = source
  }

  /// Opens, and returns once the gateway has said where the reading begins.
  static func open(_ kind: StreamTransport, _ url: String, _ reading: Reading) async throws -> Reader {
    let source: any ItemSource =
      switch kind {
      case .websocket: try await SocketSource.open(url, reading)
      case .sse: try await EventSource.open(url, reading)
      case .ndjson: try await LineSource.open(url, reading)
      case .poll: try await PollSource.open(url, reading)
      }
    let reader = Reader(kind, source)
    reader.position = reading.since == "earliest" ? nil : reading.since
    if kind == .poll {
      if let start = source.position { reader.position = start }
    } else {
      let hello = try await reader.any()
      guard hello.kind == "hello" else { throw Silence(description: "no hello but \(hello)") }
    }
    return reader
  }

  /// Whatever comes next; a poll has no controls but gaps.
  func any(within limit: Duration = .seconds(30)) async throws -> Item {
    guard let item = try await source.next(within: limit) else { throw Silence(description: "the stream ended") }
    if let position = source.position { self.position = position }
    return item
  }

  /// The next message or gap.
  func next(within limit: Duration = .seconds(30)) async throws -> Item {
    while true {
      let item = try await any(within: limit)
      if item.isMessage || item.isGap { return item }
      if item.kind == "error" || item.kind == "reconnect" { throw Silence(description: "\(item)") }
    }
  }

  func next(_ count: Int, within limit: Duration = .seconds(30)) async throws -> [Item] {
    var items: [Item] = []
    while items.count < count { items.append(try await next(within: limit)) }
    return items
  }

  /// The next object of that kind; what comes before it is passed over.
  func next(_ kind: String, within limit: Duration = .seconds(30)) async throws -> Item {
    while true {
      let item = try await any(within: limit)
      if item.kind == kind { return item }
    }
  }

  /// Messages and gaps up to the one with this id.
  func upTo(_ id: String, within limit: Duration = .seconds(30)) async throws -> [Item] {
    var items: [Item] = []
    while items.last?.id != id { items.append(try await next(within: limit)) }
    return items
  }

  /// Reads to the connection's end. - Returns: what came.
  func rest(within limit: Duration = .seconds(30)) async throws -> [Item] {
    var items: [Item] = []
    while let item = try await source.next(within: limit) { items.append(item) }
    return items
  }

  func kill() async throws { try await source.wire.kill() }
  func setReading(_ reading: Bool) async throws { try await source.wire.setReading(reading) }

  /// The websocket, for what only it can do.
  var socket: Socket { (source as! SocketSource).socket }
}

/// Where a reader's objects come from.
protocol ItemSource: AnyObject {
  var wire: Wire { get }
  /// After the last item: where to resume.
  var position: String? { get }
  /// nil at the end.
  func next(within limit: Duration) async throws -> Item?
}
