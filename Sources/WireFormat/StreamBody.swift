package import StreamLog

/// The body of `POST /v1/stream`: what the query of `GET /v1/stream` says, for lists too long for a URL (protocol
/// section 4). Ranges and how the members go together are judged where the query's are.
package struct StreamBody: Sendable, Equatable {
  /// Empty if neither `topics` nor `topic` was given.
  package var topics: [TopicPattern]
  package var since: String?
  package var rewind: Int?
  /// In seconds.
  package var wait: Int?
  package var limit: Int?
  package var transport: String?
  package var format: String?

  package static let members = ["topics", "topic", "since", "rewind", "wait", "limit", "transport", "format"]

  package init(_ body: [UInt8]) throws(Problem) {
    let request = try JSONObject(body, what: "the body")
    try request.check(allowed: Self.members)
    topics = try Self.topics(of: request)
    since = try request.string("since")
    rewind = try request.int("rewind")
    wait = try request.int("wait")
    limit = try request.int("limit")
    transport = try request.string("transport")
    format = try request.string("format")
  }

  /// `topic` is one topic or an array, as a query may have it once or repeated.
  private static func topics(of request: JSONObject) throws(Problem) -> [TopicPattern] {
    guard !request.has("topic") || !request.has("topics") else {
      throw .invalidParameter("topics", "stands beside 'topic'; keep one of the two")
    }
    if let texts = try request.strings("topics") { return try TopicPattern.parse(texts, parameter: "topics") }
    if let text = try? request.string("topic") { return try TopicPattern.parse([text], parameter: "topic") }
    return try TopicPattern.parse(try request.strings("topic") ?? [], parameter: "topic")
  }
}
