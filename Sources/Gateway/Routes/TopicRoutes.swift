import Configuration
import Delivery
import HTTPServer
import NIOCore
import HTTPSyntax
import StreamLog
import StreamStores
import Transports
import WireFormat

/// A topic's history, its numbers, and its erasure (protocol section 6).
extension PublicRoutes {
  /// `GET /v1/topics/{topic}`.
  func describe(_ exchange: any HTTPExchange, _ rawTopic: String, _ headers: HTTPHeaders) throws(Problem) {
    _ = try Query(exchange.request.target, allowed: [])
    let topic = try topic(rawTopic)
    let answer = answer(exchange, topic, headers)
    context.hub.store.summary(of: topic) { answer.execute($0) }
  }

  /// `DELETE /v1/topics/{topic}`.
  func erase(_ exchange: any HTTPExchange, _ rawTopic: String, _ headers: HTTPHeaders) throws(Problem) {
    _ = try Query(exchange.request.target, allowed: [])
    let topic = try topic(rawTopic, forPublishing: true)
    let answer = answer(exchange, topic, headers)
    context.hub.store.erase(topic) { answer.execute($0) }
  }

  private func answer(
    _ exchange: any HTTPExchange, _ topic: TopicName, _ headers: HTTPHeaders
  ) -> LoopAnswer<Result<TopicSummary?, StoreRefusal>> {
    LoopAnswer(exchange.eventLoop) { result in
      switch result {
      case .success(let summary?):
        exchange.respond(200, json: JSONValue.object(summary.members).encoded, headers: headers)
      case .success(nil): exchange.refuse(.topicNotFound(topic), headers: headers)
      case .failure(let refusal): exchange.refuse(refusal.problem(), headers: headers)
      }
    }
  }

  /// `GET /v1/topics/{topic}/messages?since=&limit=`: history in the poll's form, from the oldest held if not said
  /// otherwise.
  func history(_ exchange: any HTTPExchange, of rawTopic: String, _ headers: HTTPHeaders) throws(Problem) {
    let query = try Query(exchange.request.target, allowed: ["since", "limit"])
    let topic = try topic(rawTopic)
    let most = configuration.limits.historyMessages
    let limit = try query.int("limit") ?? min(100, most)
    guard (1...most).contains(limit) else { throw .invalidParameter("limit", "must be 1 to \(most)") }
    let since = query["since"] ?? "earliest"
    let page = HistoryPage(exchange, limit: limit, headers: headers, store: context.hub.store)
    page.begin(since == "earliest" ? .earliest : .since(since), TopicPattern(topic))
  }
}

extension TopicSummary {
  var members: [(String, JSONValue)] {
    var members: [(String, JSONValue)] = [
      ("topic", .string(topic.string)), ("last_id", .id(lastID)), ("last_seq", .uint(lastSeq)),
    ]
    if let oldest { members += [("oldest_id", .id(oldest.id)), ("oldest_seq", .uint(oldest.seq))] }
    return members + [
      ("messages", .int(messages)), ("bytes", .int(bytes)),
      (
        "retention",
        .object([
          ("messages", .int(retention.messages)), ("age_ms", .int(Int(retention.ageMilliseconds))),
          ("bytes", .int(retention.bytes)),
        ])
      ),
    ]
  }
}
