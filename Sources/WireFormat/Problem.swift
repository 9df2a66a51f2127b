package import StreamLog

/// A refusal, as RFC 9457 has it: what a client reads in `application/problem+json` and in a websocket's `error`.
///
/// The kinds there are stand in `Problem+Catalogue.swift`; make one with its factory there.
package struct Problem: Error, Hashable, Sendable {
  package let code: Code
  /// What is wrong this time and what to do about it.
  package let detail: String
  /// The topic or pattern at fault.
  package var topic: String?
  /// The query parameter, header field or JSON member at fault.
  package var parameter: String?
  /// Seconds until trying again makes sense: the `Retry-After` field.
  package var retryAfter: Int?
  /// The id of the topic's last message, for a condition that failed.
  package var current: Position?

  init(
    _ code: Code, _ detail: String, topic: String? = nil, parameter: String? = nil, retryAfter: Int? = nil,
    current: Position? = nil
  ) {
    self.code = code
    self.detail = detail
    self.topic = topic
    self.parameter = parameter
    self.retryAfter = retryAfter
    self.current = current
  }

  /// The HTTP status.
  package var status: Int { code.status }
  package var title: String { code.title }

  /// The object of RFC 9457 section 3.
  package var json: JSONValue {
    .object(
      [
        ("type", .string("urn:sluice:error:\(code.rawValue)")), ("title", .string(title)), ("status", .int(status)),
        ("detail", .string(detail)),
      ] + faultMembers)
  }

  /// The body of an `application/problem+json` response.
  package var body: [UInt8] { json.encoded }
  package static let contentType = "application/problem+json"

  /// What a websocket's `error` says beside its type and ref (protocol section 7).
  var controlMembers: [(String, JSONValue)] {
    [("code", .string(code.rawValue)), ("status", .int(status)), ("detail", .string(detail))] + faultMembers
  }

  private var faultMembers: [(String, JSONValue)] {
    var members: [(String, JSONValue)] = []
    if let topic { members.append(("topic", .string(topic))) }
    if let parameter { members.append(("parameter", .string(parameter))) }
    if let current { members.append(("current", .id(current))) }
    return members
  }
}

extension Problem: CustomStringConvertible {
  package var description: String { "\(code.rawValue): \(detail)" }
}
