import Configuration
import Gateway
import Testing

extension OverSockets {
  @Suite(.serialized) struct LineStreamTests {
    @Test(.timeLimit(.minutes(10)))
    func `each chunk is one object and its line end, hello first`() async throws {
      try await withGateway {
        $0.heartbeat.ndjson = .seconds(1)
      } _: { gateway in
        let start = gateway.head
        let id = try await gateway.publish("t", "1")
        let http = try await HTTPWire.connect(to: gateway.url)
        http.send("GET", "/v1/stream?topic=t&since=\(start)", headers: [("Accept", "application/x-ndjson")])
        let head = try await http.head()
        #expect(head.status == 200 && head["Content-Type"] == "application/x-ndjson")
        #expect(head["Cache-Control"] == "no-store, no-transform" && head["X-Accel-Buffering"] == "no")
        func line() async throws -> String { String(decoding: try await http.chunk() ?? [], as: UTF8.self) }
        #expect(try await line().hasPrefix(#"{"type":"hello","id":"\#(start)","heartbeat":1,"session":""#))
        let message = try await line()
        #expect(message.hasPrefix(#"{"id":"\#(id)","topic":"t","seq":1,"#) && message.hasSuffix("\"data\":1}\n"))
        #expect(try await line() == "{\"type\":\"caught_up\",\"id\":\"\(id)\"}\n")
        let moved = try await gateway.publish("other", "1")
        #expect(try await line() == "{\"type\":\"heartbeat\",\"id\":\"\(moved)\"}\n")
        #expect(try await line() == "{\"type\":\"heartbeat\",\"id\":\"\(moved)\"}\n")
      }
    }
  }
}
