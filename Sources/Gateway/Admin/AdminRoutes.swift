import Delivery
import HTTPServer
import NIOCore
import HTTPSyntax
import StreamLog
import StreamStores
import Transports
import WireFormat

/// What operators reach, on a listener of its own: health, metrics, lists, and the ways to intervene.
final class AdminRoutes: Sendable {
  let gateway: Gateway
  private let crossOrigin = CrossOrigin(origins: [])

  init(_ gateway: Gateway) { self.gateway = gateway }

  private static let methods: [String: String] = [
    "/health/live": "GET", "/health/ready": "GET", "/health/accept": "GET", "/metrics": "GET",
    "/v1/admin/stats": "GET", "/v1/admin/topics": "GET", "/v1/admin/connections": "GET", "/v1/admin/disconnect": "POST",
    "/v1/admin/drain": "POST", "/v1/admin/store": "GET", "/v1/admin/store/check": "POST",
    "/v1/admin/store/compact": "POST", "/v1/admin/store/backup": "POST",
  ]

  func route(_ exchange: any HTTPExchange) {
    do throws(Problem) {
      // A page in the operator's browser is no operator.
      _ = try crossOrigin.check(exchange.request)
      let path = exchange.request.target.rawPath
      guard let method = Self.methods[path] else { return try routeForPages(exchange, path) }
      let allowed = method == "GET" ? ["GET", "HEAD"] : [method]
      guard allowed.contains(exchange.request.method) else {
        let problem = Problem.methodNotAllowed(exchange.request.method, allowed: allowed)
        return exchange.refuse(problem, headers: ["Allow": allowed.joined(separator: ", ")])
      }
      switch path {
      case "/health/live": health(exchange, nil)
      case "/health/ready":
        let trouble = gateway.store.trouble
        health(exchange, gateway.isDraining ? "draining" : trouble.map { _ in "store" }, detail: trouble)
      case "/health/accept": health(exchange, gateway.reasonNotToAccept)
      case "/metrics": metrics(exchange)
      case "/v1/admin/stats": stats(exchange)
      case "/v1/admin/topics": try topics(exchange)
      case "/v1/admin/connections": try connections(exchange)
      case "/v1/admin/disconnect": disconnect(exchange)
      case "/v1/admin/store": perform(.info, exchange)
      case "/v1/admin/store/check": perform(.check, exchange)
      case "/v1/admin/store/compact": perform(.compact, exchange)
      case "/v1/admin/store/backup": backUp(exchange)
      default: drain(exchange)
      }
    } catch {
      exchange.refuse(error)
    }
  }

  /// The console, and what it reads and publishes, so that all of it is of one origin.
  private func routeForPages(_ exchange: any HTTPExchange, _ path: String) throws(Problem) {
    if BrowserFiles.admin.contains(path) { return BrowserFiles.admin.answer(exchange, path) }
    guard PublicRoutes.Resource(path: path)?.isForOperators == true else { throw .notFound(path) }
    gateway.loops[exchange.eventLoop].publicRoutes.value.route(exchange, forOperators: true)
  }

  /// - Parameter reason: why not; nil is healthy.
  private func health(_ exchange: any HTTPExchange, _ reason: String?, detail: String? = nil) {
    var members: [(String, JSONValue)] = [("status", reason.map(JSONValue.string) ?? "ok")]
    if let detail { members.append(("detail", .string(detail))) }
    exchange.respond(reason == nil ? 200 : 503, json: JSONValue.object(members).encoded)
  }

  private func metrics(_ exchange: any HTTPExchange) {
    gateway.loops.counts(on: exchange.eventLoop).assumeIsolated().whenSuccess { [gateway] counts in
      let text = gateway.metrics(counts).text
      exchange.respond(
        HTTPResponse(
          status: 200, headers: ["Content-Type": "text/plain; version=0.0.4; charset=utf-8"],
          body: ByteBuffer(string: text)))
    }
  }

  private func topics(_ exchange: any HTTPExchange) throws(Problem) {
    let query = try Query(exchange.request.target, allowed: ["match", "limit", "after"])
    let limit = try Self.limit(query)
    let pattern = try query["match"].map { (text) throws(Problem) in
      try TopicPattern.parse([text], parameter: "match")[0]
    }
    let after = query["after"].flatMap { try? TopicName($0) }
    let answer = LoopAnswer<Result<[TopicSummary], StoreRefusal>>(exchange.eventLoop) { [gateway] result in
      switch result {
      case .failure(let refusal): exchange.refuse(refusal.problem())
      case .success(let summaries):
        let topics = summaries.map(\.topic)
        gateway.loops.gather(on: exchange.eventLoop) { part in
          topics.map { part.context.value.hub.subscriberCount(of: $0) }
        }.assumeIsolated().whenSuccess { counts in
          let entries = summaries.enumerated().map { index, summary in
            JSONValue.object(
              summary.members + [("subscribers", .int(counts.reduce(0) { $0 + $1[index] }))])
          }
          var members: [(String, JSONValue)] = [("topics", .array(entries))]
          if summaries.count == limit, let last = summaries.last {
            members.append(("next", .string(last.topic.string)))
          }
          exchange.respond(200, json: JSONValue.object(members).encoded)
        }
      }
    }
    gateway.store.summaries(matching: pattern, after: after, limit: limit) { answer.execute($0) }
  }

  private func connections(_ exchange: any HTTPExchange) throws(Problem) {
    let query = try Query(exchange.request.target, allowed: ["limit"])
    let limit = try Self.limit(query)
    gateway.loops.gather(on: exchange.eventLoop) { $0.context.value.hub.subscribers }.assumeIsolated().whenSuccess {
      lists in
      let all = lists.joined()
      let entries = all.prefix(limit).map(\.json)
      exchange.respond(
        200, json: JSONValue.object([("connections", .array(Array(entries))), ("total", .int(all.count))]).encoded)
    }
  }

  private static func limit(_ query: Query) throws(Problem) -> Int {
    let limit = try query.int("limit") ?? 1000
    guard (1...100_000).contains(limit) else { throw .invalidParameter("limit", "must be 1 to 100000") }
    return limit
  }

  /// Reads a body that is a JSON object.
  func readObject(_ exchange: any HTTPExchange, _ body: @escaping (JSONObject) throws(Problem) -> Void) {
    exchange.readBody(limit: 1 << 20) { result in
      guard case .success(let bytes) = result else {
        if case .failure(.tooLarge(let limit)) = result { exchange.refuse(.bodyTooLarge(limit: limit)) }
        return
      }
      do throws(Problem) {
        try body(try JSONObject(Array(bytes.readableBytesView), what: "the body"))
      } catch {
        exchange.refuse(error)
      }
    }
  }

  private func disconnect(_ exchange: any HTTPExchange) {
    readObject(exchange) { [gateway] (object) throws(Problem) in
      let choice = try DisconnectChoice(object)
      gateway.loops.gather(on: exchange.eventLoop) { part in
        part.context.value.hub.dismissAll { sink, subscriptions in
          choice.includes(sink.description, subscriptions) ? .disconnected : nil
        }
      }.assumeIsolated().whenSuccess { counts in
        exchange.respond(200, json: JSONValue.object([("disconnected", .int(counts.reduce(0, +)))]).encoded)
      }
    }
  }

  private func drain(_ exchange: any HTTPExchange) {
    gateway.loops.counts(on: exchange.eventLoop).assumeIsolated().whenSuccess { [gateway] counts in
      exchange.respond(
        202, json: JSONValue.object([("connections", .int(counts.open.values.reduce(0, +)))]).encoded)
      gateway.requestDrain()
    }
  }
}

/// Whom an operator wants disconnected.
struct DisconnectChoice: Sendable {
  private var sessions: Set<String> = []
  private var pattern: TopicPattern?
  private var all = false

  init(_ object: JSONObject) throws(Problem) {
    try object.check(allowed: ["sessions", "topic", "all"])
    sessions = Set(try object.strings("sessions") ?? [])
    if let topic = try object.string("topic") { pattern = try TopicPattern.parse([topic], parameter: "topic")[0] }
    all = try object.bool("all") ?? false
    guard !sessions.isEmpty || pattern != nil || all else {
      throw .missingParameter("sessions", "names whom to disconnect; or give 'topic', or 'all': true")
    }
  }

  /// By topic: who subscribed to that very topic or pattern, or to a topic that the pattern matches.
  func includes(_ sink: SinkDescription, _ subscriptions: SubscriptionSet) -> Bool {
    if all || sessions.contains(sink.session) { return true }
    guard let pattern else { return false }
    return subscriptions.contains(pattern) || subscriptions.exactTopics.contains { pattern.matches($0) }
  }
}

extension SubscriberSummary {
  fileprivate var json: JSONValue {
    .object([
      ("session", .string(sink.session)), ("transport", .string(sink.transport)), ("address", .string(sink.address)),
      ("subscriptions", .array(patterns.map(JSONValue.string))), ("subscription_count", .int(subscriptionCount)),
      ("position", .id(position)), ("lag", .uint(lag)), ("state", .string(state)),
      ("connected_ms", .int(connectedSeconds * 1000)), ("sent_messages", .uint(sentMessages)),
    ])
  }
}
