import Configuration
import Gateway
import Testing

/// A rule broken once.
struct Refused: CustomTestStringConvertible {
  var method = "GET"
  var target: String
  var headers: [(String, String)] = []
  var body: String?
  var status: Int
  var code: String
  /// What the problem names.
  var parameter: String?
  var topic: String?

  var testDescription: String {
    "\(method) \(target.prefix(60)) \(headers.map { "\($0.0): \($0.1.prefix(30))" }) \(body?.prefix(40) ?? "")"
  }

  static func get(
    _ target: String, _ status: Int, _ code: String, _ parameter: String? = nil, topic: String? = nil,
    headers: [(String, String)] = []
  ) -> Refused {
    Refused(target: target, headers: headers, status: status, code: code, parameter: parameter, topic: topic)
  }

  static func post(
    _ target: String, _ body: String, _ status: Int, _ code: String, _ parameter: String? = nil, topic: String? = nil,
    headers: [(String, String)] = [("Content-Type", "application/json")]
  ) -> Refused {
    Refused(
      method: "POST", target: target, headers: headers, body: body, status: status, code: code, parameter: parameter,
      topic: topic)
  }

  private static let json = [("Content-Type", "application/json")]
  private static let messages = "/v1/topics/t/messages"

  static let reading: [Refused] = [
    .get("/v1/stream", 400, "missing-parameter", "topic"),
    .get("/v1/stream?topic=a&topics=b", 400, "unknown-parameter", "topics"),
    .get("/v1/stream?topic=", 400, "invalid-pattern", "topic"),
    .get("/v1/stream?topic=a..b", 400, "invalid-pattern", "topic", topic: "a..b"),
    .get("/v1/stream?topic=a.%3E.b", 400, "invalid-pattern", "topic", topic: "a.>.b"),
    .get("/v1/stream?topic=a%20b", 400, "invalid-pattern", "topic", topic: "a b"),
    .get("/v1/stream?topic=\(String(repeating: "x", count: 256))", 400, "invalid-pattern", "topic"),
    .get("/v1/stream?topic=a&topic=b&topic=c&topic=d", 400, "too-many-topics"),
    .get("/v1/stream?topic=a&wait=61", 400, "invalid-parameter", "wait"),
    .get("/v1/stream?topic=a&wait=-1", 400, "invalid-parameter", "wait"),
    .get("/v1/stream?topic=a&wait=soon", 400, "invalid-parameter", "wait"),
    .get("/v1/stream?topic=a&limit=0", 400, "invalid-parameter", "limit"),
    .get("/v1/stream?topic=a&limit=1001", 400, "invalid-parameter", "limit"),
    .get("/v1/stream?topic=a&rewind=-1", 400, "invalid-parameter", "rewind"),
    .get("/v1/stream?topic=a&rewind=1&rewind=2", 400, "invalid-parameter", "rewind"),
    .get("/v1/stream?topic=a&since=a&since=b", 400, "invalid-parameter", "since"),
    .get("/v1/stream?topic=a&transport=carrier", 400, "invalid-parameter", "transport"),
    .get("/v1/stream?topic=a&format=xml", 400, "invalid-parameter", "format"),
    .get("/v1/stream?topic=a&format=raw", 400, "invalid-parameter", "format"),
    .get("/v1/stream?topic=a&topic=b&format=raw&transport=sse", 400, "invalid-parameter", "format"),
    .get("/v1/stream?topic=a.*&format=raw&transport=sse", 400, "invalid-parameter", "format"),
    .get("/v1/stream?topic=a", 406, "not-acceptable", "Accept", headers: [("Accept", "text/html")]),
    .get("/v1/stream?topic=a", 406, "not-acceptable", "Accept", headers: [("Accept", "application/json;q=0")]),
    .get("/v1/stream?topic=a&transport=websocket", 426, "upgrade-required"),
    .get("/v1/stream?topic=a", 403, "origin-not-allowed", "Origin", headers: [("Origin", "https://evil.example")]),
    .get("/v1/stream?topic=\(String(repeating: "x", count: 9000))", 414, "uri-too-long"),
    .get("/v1/stream?topic=a", 431, "headers-too-large", headers: [("X", String(repeating: "x", count: 20_000))]),
    .get("/v1/stream?topic=a", 417, "expectation-failed", "Expect", headers: [("Expect", "a miracle")]),
    .post("/v1/stream", "", 400, "invalid-json"),
    .post("/v1/stream", "{", 400, "invalid-json"),
    .post("/v1/stream", "[]", 400, "bad-request"),
    .post("/v1/stream", "{}", 400, "missing-parameter", "topic"),
    .post("/v1/stream", #"{"topics":["a"],"sinc":"x"}"#, 400, "unknown-parameter", "sinc"),
    .post("/v1/stream", #"{"topics":["a b"]}"#, 400, "invalid-pattern", "topics", topic: "a b"),
    .post("/v1/stream", #"{"topics":["a"],"wait":"1"}"#, 400, "invalid-parameter", "wait"),
    .post("/v1/stream?topic=a", #"{"topics":["a"]}"#, 400, "unknown-parameter", "topic"),
    .get("/v1/negotiate?transports=smoke", 406, "transport-not-allowed", "transports"),
    .get("/v1/negotiate?topic=a..b", 400, "invalid-pattern", "topic", topic: "a..b"),
    .get("/v1/negotiate?x=1", 400, "unknown-parameter", "x"),
    .get("/v1/topics/never", 404, "not-found", topic: "never"),
    .get("/v1/topics/a..b", 400, "invalid-topic", topic: "a..b"),
    .get("/v1/topics/%zz", 400, "bad-request"),
    .get("/v1/topics/t?x=1", 400, "unknown-parameter", "x"),
    .get("/v1/topics/t/messages?limit=0", 400, "invalid-parameter", "limit"),
    .get("/v1/topics/t/messages?limit=1001", 400, "invalid-parameter", "limit"),
    .get("/v1/topics/t/messages?from=1", 400, "unknown-parameter", "from"),
    .get("/", 404, "not-found"),
    .get("/v1", 404, "not-found"),
    .get("/v1/topics/", 404, "not-found"),
    .get("/metrics", 404, "not-found"),
    .get("/v1/admin/topics", 404, "not-found"),
  ]

  static let publishing: [Refused] = [
    .post("/v1/topics/a..b/messages", "1", 400, "invalid-topic", topic: "a..b"),
    .post("/v1/topics/a.*/messages", "1", 400, "invalid-topic", topic: "a.*"),
    .post("/v1/topics/$sys.x/messages", "1", 403, "reserved-topic", topic: "$sys.x"),
    .post("/v1/topics/t/messages?x=1", "1", 400, "unknown-parameter", "x"),
    .post(messages, "", 400, "invalid-json"),
    .post(messages, "{\"a\":}", 400, "invalid-json"),
    .post(messages, "1 2", 400, "invalid-json"),
    .post(messages, "01", 400, "invalid-json"),
    .post(messages, String(repeating: "[", count: 1000), 400, "invalid-json"),
    .post(messages, "\"\(String(repeating: "x", count: 3000))\"", 413, "message-too-large"),
    .post(messages, "1", 415, "unsupported-media-type", "Content-Type", headers: [("Content-Type", "json")]),
    .post(
      messages, "1", 415, "unsupported-charset", "Content-Type",
      headers: [("Content-Type", "application/json; charset=latin1")]),
    .post(messages, "1", 400, "invalid-event", "event", headers: json + [("Event", "gap")]),
    .post(messages, "1", 400, "invalid-event", "event", headers: json + [("Event", "open")]),
    .post(messages, "1", 400, "invalid-event", "event", headers: json + [("Event", "error")]),
    .post(messages, "1", 400, "invalid-event", "event", headers: json + [("Event", String(repeating: "x", count: 65))]),
    .post(messages, "1", 400, "invalid-event", "event", headers: json + [("Event", "caf\u{e9}")]),
    .post(messages, "1", 400, "invalid-parameter", "Event", headers: json + [("Event", "a"), ("Event", "b")]),
    .post(
      messages, "1", 400, "invalid-parameter", "Idempotency-Key",
      headers: json + [("Idempotency-Key", String(repeating: "k", count: 256))]),
    .post(messages, "1", 400, "invalid-parameter", "If-Match", headers: json + [("If-Match", "unquoted")]),
    .post(messages, "1", 400, "invalid-parameter", "If-None-Match", headers: json + [("If-None-Match", "\"x\"")]),
    .post(
      messages, "1", 400, "invalid-parameter", "If-None-Match",
      headers: json + [("If-None-Match", "*"), ("If-Match", "\"x\"")]),
    .post(messages, "1", 412, "precondition-failed", topic: "t", headers: json + [("If-Match", "\"x-1\"")]),
    .post(messages, "1", 403, "origin-not-allowed", "Origin", headers: json + [("Origin", "https://evil.example")]),
    .post("/v1/publish", "", 400, "invalid-json"),
    .post("/v1/publish", "7", 400, "bad-request"),
    .post("/v1/publish", "{}", 400, "missing-parameter", "messages"),
    .post("/v1/publish", #"{"messages":1}"#, 400, "invalid-parameter", "messages"),
    .post("/v1/publish", #"{"messages":[],"x":1}"#, 400, "unknown-parameter", "x"),
    .post("/v1/publish", #"{"messages":[1,2,3,4,5]}"#, 413, "too-many-items"),
    .post("/v1/publish", "{\"messages\":[\"\(String(repeating: "x", count: 9000))\"]}", 413, "body-too-large"),
    Refused(method: "DELETE", target: "/v1/topics/never", status: 404, code: "not-found", topic: "never"),
    Refused(method: "DELETE", target: "/v1/topics/$sys", status: 403, code: "reserved-topic", topic: "$sys"),
  ]
}

extension OverSockets {
  @Suite(.serialized) struct RefusalTests {
    @Test(.timeLimit(.minutes(10)), arguments: Refused.reading + Refused.publishing)
    func `a rule that is broken is named, and nothing is published`(refused: Refused) async throws {
      try await withGateway {
        $0.limits.topicsPerSubscriber = 3
        $0.limits.messageBytes = 2000
        $0.limits.batchBytes = 8000
        $0.limits.batchMessages = 4
      } _: { gateway in
        let answer = try await gateway.call(
          refused.method, refused.target, headers: refused.headers, body: refused.body)
        #expect(answer.status == refused.status && answer.code == refused.code, "\(answer)")
        #expect(answer["Content-Type"] == "application/problem+json" && answer["Cache-Control"] == "no-store")
        #expect(answer.integer("status") == Int64(refused.status) && answer.string("title")?.isEmpty == false)
        #expect(answer.string("detail")?.isEmpty == false)
        #expect(answer.string("parameter") == refused.parameter, "\(answer)")
        if let topic = refused.topic { #expect(answer.string("topic") == topic, "\(answer)") }
        #expect(gateway.head == gateway.id(0))
      }
    }

    @Test(
      .timeLimit(.minutes(10)),
      arguments: [
        ("DELETE", "/v1/stream", "GET, POST"), ("PUT", "/v1/topics/t/messages", "GET, HEAD, POST"),
        ("POST", "/v1/topics/t", "GET, HEAD, DELETE"), ("GET", "/v1/publish", "POST"),
        ("POST", "/v1/negotiate", "GET, HEAD"),
        ("BREW", "/v1/stream", "GET, POST"),
      ])
    func `a method that is not possible is answered with those that are`(
      method: String, target: String, allow: String
    ) async throws {
      try await withGateway { gateway in
        let answer = try await gateway.call(method, target)
        #expect(answer.status == 405 && answer.code == "method-not-allowed" && answer["Allow"] == allow, "\(answer)")
        let options = try await gateway.call("OPTIONS", target)
        #expect(options.status == 204 && options["Allow"] == "\(allow), OPTIONS")
      }
    }

    @Test(
      .timeLimit(.minutes(10)),
      arguments: [
        ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/2.5\r\nHost: a\r\n\r\n", 505), ("nonsense\r\n\r\n", 400),
        ("POST /v1/publish HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ("POST /v1/publish HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
      ])
    func `what is no HTTP request is refused with a problem`(request: String, status: Int) async throws {
      try await withGateway { gateway in
        let http = try await HTTPWire.connect(to: gateway.url)
        http.wire.send(request)
        let answer = try await http.answer()
        #expect(answer.status == status && answer["Content-Type"] == "application/problem+json", "\(answer)")
        #expect(try await http.some() == nil)
      }
    }
  }
}
