import Configuration
import Gateway
import GatewayClient
import StreamLog
import Testing
import Transports
import WireFormat

@Suite struct TransportRulesTests {
  private let rules = TransportRules(
    [.sse, .websocket, .poll],
    rules: [
      .init(match: try! TopicPattern("bank.>"), transports: [.websocket, .poll]),
      .init(match: try! TopicPattern("quiet.*"), transports: nil),
      .init(match: try! TopicPattern("quiet.>"), transports: [.poll]),
    ])

  @Test(arguments: [
    ([], [TransportKind.sse, .websocket, .poll]), (["a"], [.sse, .websocket, .poll]),
    (["bank.1"], [.websocket, .poll]), (["a", "bank.1"], [.websocket, .poll]),
    // The first rule that matches rules a topic, also where it says nothing of transports.
    (["quiet.1"], [.sse, .websocket, .poll]), (["quiet.1.2"], [.poll]),
    // A pattern is ruled by every rule that may match what it matches.
    (["bank.*"], [.websocket, .poll]), ([">"], [.poll]), (["*.1"], [.poll]), (["*"], [.sse, .websocket, .poll]),
  ])
  func `what may be used for some topics, in the operator's order`(
    patterns: [String], allowed: [TransportKind]
  ) throws {
    #expect(rules.allowed(for: try patterns.map { try TopicPattern($0) }) == allowed)
  }

  @Test(arguments: [
    ("a", "a", true), ("a", "b", false), ("a.*", "a.b", true), ("a.*", "a.b.c", false), ("a.*", "*.b", true),
    ("a.*", "a.>", true), ("a.>", "a", false), (">", "a.*.b", true), ("a.*.c", "a.b.*", true),
    ("a.*.c", "a.*.d", false),
    (">", "$sys.*", false), ("*.a", "$sys.>", false), ("$sys.>", "$sys.*.a", true),
  ])
  func `two patterns overlap if a topic can match both`(a: String, b: String, overlap: Bool) throws {
    #expect(try TopicPattern(a).overlaps(TopicPattern(b)) == overlap)
    #expect(try TopicPattern(b).overlaps(TopicPattern(a)) == overlap)
  }
}

extension OverSockets {
  @Suite(.serialized) struct AllowedTransportsTests {
    @Test(.timeLimit(.minutes(10)))
    func `a transport that is not allowed is neither offered nor opened`() async throws {
      try await withGateway {
        $0.transports = [.poll, .sse, .websocket]
        $0.topics = [TopicRule(match: try! TopicPattern("bank.>"), transports: [.websocket])]
      } _: { gateway in
        func offered(_ query: String) async throws -> [String] {
          try await gateway.call("GET", "/v1/negotiate?\(query)").elements("transports").map {
            try Item(Array($0.utf8)).object.string("name") ?? "?"
          }
        }
        #expect(try await offered("") == ["poll", "sse", "websocket"])
        #expect(try await offered("transports=websocket,sse") == ["sse", "websocket"])
        #expect(try await offered("topic=bank.1&topic=other") == ["websocket"])
        let none = try await gateway.call("GET", "/v1/negotiate?topic=bank.1&transports=sse,poll")
        #expect(none.status == 406 && none.code == "transport-not-allowed")
        let line = try await gateway.call("GET", "/v1/stream?topic=a&transport=ndjson")
        #expect(line.status == 406 && line.code == "transport-not-allowed")
        #expect(line.text.contains("poll, sse"))
        #expect(try await gateway.call("GET", "/v1/stream?topic=bank.1").code == "transport-not-allowed")
        let reader = try await Reader.open(.websocket, gateway.url, Reading("bank.1"))
        let id = try await gateway.publish("bank.1", "1")
        #expect(try await reader.next().id == id)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `behind a proxy that tells nothing, URLs are those the operator says`() async throws {
      try await withGateway {
        $0.publicURL = "https://rt.example.com/base"
      } _: { gateway in
        let answer = try await gateway.call("GET", "/v1/negotiate?transports=websocket,poll")
        #expect(
          answer.elements("transports") == [
            #"{"name":"websocket","url":"wss://rt.example.com/base/v1/stream"}"#,
            #"{"name":"poll","url":"https://rt.example.com/base/v1/stream"}"#,
          ])
        // The console is of the operators' listener, and a page may not go elsewhere.
        let console = try await gateway.admin("GET", "/v1/negotiate?transports=poll")
        #expect(console.elements("transports") == [#"{"name":"poll","url":"\#(gateway.adminURL)/v1/stream"}"#])
      }
    }
  }
}
