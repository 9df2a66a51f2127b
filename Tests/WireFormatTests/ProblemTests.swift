import Foundation
import StreamLog
import Testing
import WireFormat

struct ProblemTests {
  private static let topic = try! TopicName("orders")
  private static let id = Position("4fk2q9-1042")!

  /// One of every kind.
  static let catalogue: [(problem: Problem, code: String, status: Int)] = [
    (.badRequest("Two Host fields."), "bad-request", 400),
    (.invalidTopic("a..b", .emptySegment), "invalid-topic", 400),
    (.invalidPattern("a.>.b", .tailNotLast, parameter: "topic"), "invalid-pattern", 400),
    (.reservedTopic(topic), "reserved-topic", 403),
    (.unknownParameter("topc", allowed: ["topic", "since"]), "unknown-parameter", 400),
    (.invalidParameter("wait", "must be a whole number"), "invalid-parameter", 400),
    (.missingParameter("topic", "names what to read"), "missing-parameter", 400),
    (.invalidJSON(.truncated(at: 3)), "invalid-json", 400),
    (.invalidUTF8(at: 3), "invalid-utf8", 400),
    (.invalidCommand("A command needs a 'type'."), "invalid-command", 400),
    (.invalidEvent("it is empty"), "invalid-event", 400),
    (.unsupportedMediaType("image/png", supported: "application/json"), "unsupported-media-type", 415),
    (.unsupportedCharset("utf-16"), "unsupported-charset", 415),
    (.messageTooLarge(limit: 65_536), "message-too-large", 413),
    (.tooManyTopics(limit: 100), "too-many-topics", 400),
    (.tooManyPatterns(limit: 50), "too-many-patterns", 400),
    (.tooManyItems(limit: 100), "too-many-items", 413),
    (.bodyTooLarge(limit: 100), "body-too-large", 413),
    (.tooManyCommands(limit: 16, retryAfter: 1), "too-many-commands", 429),
    (.cutOff(byOperator: true, retryAfter: 1), "cut-off", 503),
    (.notFound("/v2"), "not-found", 404),
    (.methodNotAllowed("PUT", allowed: ["GET", "POST"]), "method-not-allowed", 405),
    (.notAcceptable("image/png", available: ["application/json"]), "not-acceptable", 406),
    (.keyTableFull(retryAfter: 5), "key-table-full", 503),
    (.idempotencyKeyReused("k1"), "idempotency-key-reused", 409),
    (.preconditionFailed(topic: topic, current: id), "precondition-failed", 412),
    (.tooManyConnections(retryAfter: 5), "too-many-connections", 503),
    (.tooManyConnectionsFromAddress(limit: 100, retryAfter: 5), "too-many-connections-from-address", 429),
    (.draining(retryAfter: 5), "draining", 503),
    (.outcomeUnknown(reason: "x"), "outcome-unknown", 503),
    (.storeCannot("the memory store has no file"), "store-cannot", 409),
    (.storeUnavailable(reason: "x", retryAfter: 1), "store-unavailable", 503),
    (.requestTimeout(seconds: 10), "request-timeout", 408),
    (.payloadTimeout(seconds: 10), "payload-timeout", 408),
    (.uriTooLong(limit: 8_192), "uri-too-long", 414),
    (.headersTooLarge(limit: 16_384), "headers-too-large", 431),
    (.upgradeRequired("Send Upgrade: websocket with Sec-WebSocket-Version: 13."), "upgrade-required", 426),
    (.transportNotAllowed("sse", allowed: ["poll"]), "transport-not-allowed", 406),
    (.originNotAllowed("https://evil.example"), "origin-not-allowed", 403),
    (.internalFault(reference: "7f"), "internal", 500),
    (.expectationFailed, "expectation-failed", 417),
    (.transferCodingNotImplemented("gzip"), "transfer-coding-not-implemented", 501),
    (.versionNotSupported, "version-not-supported", 505),
  ]

  @Test(arguments: catalogue)
  func `every refusal has its code and status, and says something`(problem: Problem, code: String, status: Int) throws {
    #expect(problem.code.rawValue == code)
    #expect(problem.status == status)
    let body = try JSONValue(parsing: problem.body)
    #expect(body.objectValue?.prefix(4).map(\.0) == ["type", "title", "status", "detail"])
    #expect(body["type"]?.stringValue == "urn:sluice:error:\(code)")
    #expect(body["status"]?.intValue == status)
    #expect(body["title"]?.stringValue?.isEmpty == false)
    #expect(body["detail"]?.stringValue == problem.detail)
    #expect(problem.detail.count >= 15)
    let control = try JSONValue(parsing: Control.error(problem, ref: nil).encoded)
    #expect(control["code"]?.stringValue == code)
    #expect(control["status"]?.intValue == status)
    #expect(control["detail"] == body["detail"])
    #expect(control["topic"] == body["topic"])
    #expect(control["parameter"] == body["parameter"])
  }

  @Test func `the list above has every code once`() {
    #expect(Self.catalogue.map(\.problem.code).count == Problem.Code.allCases.count)
    #expect(Set(Self.catalogue.map(\.problem.code)) == Set(Problem.Code.allCases))
  }

  @Test func `the protocol names every code with its status`() throws {
    let protocolText = try String(
      contentsOfFile: #filePath.replacing("Tests/WireFormatTests/ProblemTests.swift", with: "")
        + "Sources/Gateway/Documentation.docc/Protocol.md", encoding: .utf8)
    let rows = protocolText.split(separator: "\n").filter { $0.wholeMatch(of: /\| [1-5]\d\d \|.*/) != nil }
    for code in Problem.Code.allCases {
      let row = rows.filter { $0.contains("`\(code.rawValue)`") }
      #expect(row.count == 1 && row.first?.hasPrefix("| \(code.status) |") == true, "\(code.rawValue): \(row)")
    }
  }

  @Test func `a body is exactly these bytes`() {
    let problem = Problem.preconditionFailed(topic: Self.topic, current: Self.id)
    #expect(
      String(decoding: problem.body, as: UTF8.self)
        == #"{"type":"urn:sluice:error:precondition-failed","title":"The condition does not hold","status":412,"#
        + #""detail":"Nothing was published: the last message is 4fk2q9-1042. Read what is new and decide again.","#
        + #""topic":"orders","current":"4fk2q9-1042"}"#)
    let never = Problem.preconditionFailed(topic: Self.topic, current: nil)
    #expect(never.json["current"] == nil)
    #expect(never.detail.contains("no message"))
  }

  @Test func `what is wrong with a topic is said in full, however long it is`() {
    let long = String(repeating: "a", count: 10_000)
    let problem = Problem.invalidTopic(long, .tooLong(10_000, limit: 255), parameter: "topic")
    #expect(problem.body.count < 600)
    #expect(problem.detail.hasSuffix("it has 10000 bytes; a topic has at most 255"))
    #expect(problem.parameter == "topic")
  }

  @Test(arguments: [
    ("topc", "topic"), ("topcs", "topic"), ("TOPIC", nil), ("sinse", "since"), ("xx", nil), ("", nil),
    ("tpoic", "topic"),
  ])
  func `the name that was meant is the nearest one within two changes`(word: String, meant: String?) {
    let detail = Problem.unknownParameter(word, allowed: ["topic", "since", "id"]).detail
    if let meant { #expect(detail.contains("Did you mean '\(meant)'?")) } else { #expect(!detail.contains("Did you")) }
  }
}
