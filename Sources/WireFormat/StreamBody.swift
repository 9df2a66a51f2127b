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

  /// - Parameter maxTopics: most topics and patterns, counted before any is read.
  package init(_ body: [UInt8], maxTopics: Int) throws(Problem) {
    let request = try JSONObject(body, what: "the body")
    try request.check(allowed: Self.members)
    topics = try Self.topics(of: request, most: maxTopics)
    since = try request.string("since")
    rewind = try request.int("rewind")
    wait = try request.int("wait")
    limit = try request.int("limit")
    transport = try request.string("transport")
    format = try request.string("format")
  }

  /// `topic` is one topic or an array, as a query may have it once or repeated.
  private static func topics(of request: JSONObject, most: Int) throws(Problem) -> [TopicPattern] {
    guard !request.has("topic") || !request.has("topics") else {
      throw .invalidParameter("topics", "stands beside 'topic'; keep one of the two")
    }
    let limit = JSONObject.Limit(most, .tooManyTopics(limit: most))
    if let texts = try request.strings("topics", limit: limit) {
      return try TopicPattern.parse(texts, parameter: "topics")
    }
    if let text = try? request.string("topic") { return try TopicPattern.parse([text], parameter: "topic") }
    return try TopicPattern.parse(try request.strings("topic", limit: limit) ?? [], parameter: "topic")
  }
}
