import GatewayClient
import WebSocket

/// What is the same for all connections of a run: where they go, and the requests they begin with.
struct LoadTarget: Sendable {
  let plan: BenchPlan
  let topics: RunTopics
  let url: GatewayURL
  let address: SocketAddress
  /// Where connections come from, in turns.
  let sources: [SocketAddress?]
  /// The run's start on the stamps' clock, and the length of the timeline's stretches; nanoseconds.
  let start: UInt64
  let step: UInt64
  private let key: String

  init(
    plan: BenchPlan, url: GatewayURL, address: SocketAddress, sources: [SocketAddress?], step: UInt64,
    using generator: inout some RandomNumberGenerator
  ) {
    self.plan = plan
    self.url = url
    self.address = address
    self.sources = sources
    self.step = step
    start = StampClock.now
    topics = RunTopics(using: &generator)
    key = WebSocketHandshake.generateKey(using: &generator)
  }

  /// The `Sec-WebSocket-Accept` that answers every handshake of the run.
  var accept: [UInt8] { Array(WebSocketHandshake.acceptKey(for: key).utf8) }

  /// What a subscriber asks with.
  func request(_ transport: StreamTransport, group: Int, since: String?) -> [UInt8] {
    let fields =
      switch transport {
      case .websocket:
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \(key)\r\n"
      case .sse: "Accept: text/event-stream\r\n"
      case .ndjson: "Accept: application/x-ndjson\r\n"
      case .poll: "Accept: application/json\r\n"
      }
    return Array("GET \(streamTarget(group: group, since: since)) HTTP/1.1\r\n\(host)\(fields)\r\n".utf8)
  }

  /// A poll in two pieces, between which the `since` stands.
  func pollAround(group: Int) -> (before: [UInt8], after: [UInt8]) {
    let before = "GET \(streamTarget(group: group, since: "")) HTTP/1.1\r\n".dropLast(" HTTP/1.1\r\n".count)
    return (Array(before.utf8), Array(" HTTP/1.1\r\n\(host)Accept: application/json\r\n\r\n".utf8))
  }

  private var host: String { "Host: \(url.authority)\r\n" }

  /// `since` is the last parameter, so that another can be put in its place.
  private func streamTarget(group: Int, since: String?) -> String {
    var query = QueryString()
    for topic in 0..<plan.topicsEach { query.add("topic", topics.name(group * plan.topicsEach + topic)) }
    if let since { query.add("since", since) }
    return url.appending(query.appended(to: "/v1/stream")).target
  }

  /// A publisher's request with room for topic number, stamp and number; see `PublishTemplate`.
  var publishTemplate: PublishTemplate {
    let path = url.appending("/v1/topics/\(QueryString.encoded(topics.prefix))").target
    let start = Array("POST \(path)".utf8)
    let digits = Array(repeating: UInt8(ascii: "0"), count: RunTopics.digits)
    let fields = "/messages HTTP/1.1\r\n\(host)Content-Type: application/json\r\n"
    let rest = Array("\(fields)Content-Length: \(plan.payload.count)\r\n\r\n".utf8)
    return PublishTemplate(
      bytes: start + digits + rest + plan.payload.template, digitsAt: start.count, payloadBytes: plan.payload.count)
  }
}
