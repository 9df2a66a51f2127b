import Configuration
import Gateway
import Testing

/// One event stream, its body as text.
private final class Stream {
  let http: HTTPWire
  let answer: Answer
  private(set) var text = ""

  init(_ url: String, _ target: String, headers: [(String, String)] = [], version: String = "HTTP/1.1") async throws {
    http = try await HTTPWire.connect(to: url)
    http.send("GET", target, headers: [("Accept", "text/event-stream")] + headers, version: version)
    answer = try await http.head()
  }

  /// The next block, without the empty line that ends it.
  func block() async throws -> String {
    while true {
      if let end = text.firstRange(of: "\n\n") {
        defer { text = String(text[end.upperBound...]) }
        return String(text[..<end.lowerBound])
      }
      let bytes =
        answer["Transfer-Encoding"] == "chunked" ? try await http.chunk() : try await http.some()
      guard let bytes else { throw Silence(description: "ended after: \(text)") }
      text += String(decoding: bytes, as: UTF8.self)
    }
  }

  /// Ends when the gateway ends the body.
  func rest() async throws -> String {
    while let bytes = answer["Transfer-Encoding"] == "chunked" ? try await http.chunk() : try await http.some() {
      text += String(decoding: bytes, as: UTF8.self)
    }
    return text
  }
}

extension OverSockets {
  @Suite(.serialized) struct EventStreamTests {
    @Test(.timeLimit(.minutes(10)))
    func `the head and each block are as the protocol has them`() async throws {
      try await withGateway {
        $0.reconnect.min = .milliseconds(750)
      } _: { gateway in
        let start = gateway.head
        let first = try await gateway.publish("t", "1")
        let stream = try await Stream(gateway.url, "/v1/stream?topic=t&since=\(start)")
        #expect(stream.answer.status == 200)
        #expect(stream.answer["Content-Type"] == "text/event-stream")
        #expect(stream.answer["Cache-Control"] == "no-store, no-transform")
        #expect(stream.answer["X-Accel-Buffering"] == "no")
        #expect(stream.answer["Transfer-Encoding"] == "chunked" && stream.answer["Content-Length"] == nil)
        let hello = try await stream.block().split(separator: "\n").map(String.init)
        #expect(
          hello.count == 4 && hello[0] == "retry: 750" && hello[1] == "id: \(start)" && hello[2] == "event: hello")
        #expect(hello[3].hasPrefix(#"data: {"type":"hello","id":"\#(start)","heartbeat":15,"session":""#))
        let message = try await stream.block().split(separator: "\n").map(String.init)
        #expect(message.count == 2 && message[0] == "id: \(first)")
        #expect(message[1].hasPrefix(#"data: {"id":"\#(first)","topic":"t","seq":1,"time":"#))
        #expect(
          try await stream.block()
            == "id: \(first)\nevent: caught_up\ndata: {\"type\":\"caught_up\",\"id\":\"\(first)\"}")
        let second = try await gateway.publish("t", "2")
        // One chunk a message.
        let chunk = String(decoding: try await stream.http.chunk() ?? [], as: UTF8.self)
        #expect(chunk.hasPrefix("id: \(second)\ndata: {") && chunk.hasSuffix("}\n\n"))
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a heartbeat carries the position that other topics have moved`() async throws {
      try await withGateway {
        $0.heartbeat.sse = .seconds(1)
      } _: { gateway in
        let stream = try await Stream(gateway.url, "/v1/stream?topic=t")
        #expect(try await stream.block().contains("\"heartbeat\":1,"))
        let id = try await gateway.publish("other", "1")
        #expect(try await stream.block() == "id: \(id)\nevent: heartbeat\ndata: {}")
        #expect(try await stream.block() == "id: \(id)\nevent: heartbeat\ndata: {}")
      }
    }

    @Test(.timeLimit(.minutes(10)), arguments: ["text/event-stream", "application/x-ndjson"])
    func `for HTTP 1.0 a stream has no chunks and ends with the connection`(accept: String) async throws {
      try await withGateway { gateway in
        let http = try await HTTPWire.connect(to: gateway.url)
        http.send("GET", "/v1/stream?topic=t", headers: [("Accept", accept)], version: "HTTP/1.0")
        let answer = try await http.head()
        #expect(answer.status == 200 && answer["Transfer-Encoding"] == nil && answer["Content-Length"] == nil)
        var text = String(decoding: try await http.some() ?? [], as: UTF8.self)
        #expect(accept == "text/event-stream" ? text.hasPrefix("retry: ") : text.hasPrefix("{\"type\":\"hello\""))
        let id = try await gateway.publish("t", "1")
        while !text.hasSuffix("\"data\":1}\n") && !text.hasSuffix("\"data\":1}\n\n") {
          text += String(decoding: try await http.some() ?? [], as: UTF8.self)
        }
        #expect(text.contains(id))
        #expect(
          try await gateway.admin("POST", "/v1/admin/disconnect", body: #"{"all":true}"#).integer("disconnected") == 1)
        #expect(try await http.some() == nil)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `Last-Event-ID wins over since`() async throws {
      try await withGateway { gateway in
        try await gateway.publish("t", 1...9)
        let stream = try await Stream(
          gateway.url, "/v1/stream?topic=t&since=\(gateway.id(1))", headers: [("Last-Event-ID", gateway.id(7))])
        #expect(try await stream.block().contains("id: \(gateway.id(7))\n"))
        #expect(try await stream.block().hasPrefix("id: \(gateway.id(8))\n"))
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `raw data is the payload alone, line by line`() async throws {
      try await withGateway { gateway in
        let start = gateway.head
        let bodies: [(type: String, event: String?, body: String, data: String)] = [
          ("application/json", nil, "{ \"a\" : [1, 2],\n\t\"b\":\"x y\\n\" }", "data: {\"a\":[1,2],\"b\":\"x y\\n\"}"),
          ("text/plain", nil, "one\ntwo\r\nthree\rfour", "data: one\ndata: two\ndata: three\ndata: four"),
          ("text/plain", nil, "", "data: "),
          ("text/plain", "note", "ünï \"quoted\"\n", "event: note\ndata: ünï \"quoted\"\ndata: "),
          ("application/octet-stream", nil, "\u{0}\u{1}\u{2}xyz", "data: AAECeHl6"),
          ("application/json", "created", "null", "event: created\ndata: null"),
        ]
        for item in bodies {
          let answer = try await gateway.call(
            "POST", "/v1/topics/t/messages",
            headers: [("Content-Type", item.type)] + (item.event.map { [("Event", $0)] } ?? []), body: item.body)
          #expect(answer.status == 201, "\(answer)")
        }
        let stream = try await Stream(gateway.url, "/v1/stream?topic=t&format=raw&since=\(start)")
        _ = try await stream.block()
        for (index, item) in bodies.enumerated() {
          #expect(try await stream.block() == "id: \(gateway.id(UInt64(index + 1)))\n\(item.data)")
        }
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `refused for capacity an event stream is told when to come back`() async throws {
      try await withGateway {
        $0.limits.connections = 1
      } _: { gateway in
        let first = try await HTTPWire.connect(to: gateway.url)
        #expect(try await first.call("GET", "/v1/negotiate").status == 200)
        let stream = try await Stream(gateway.url, "/v1/stream?topic=t")
        #expect(stream.answer.status == 200 && stream.answer["Content-Type"] == "text/event-stream")
        let text = try await stream.rest()
        let lines = text.split(separator: "\n").map(String.init)
        let wait = Int(lines.first?.dropFirst("retry: ".count) ?? "") ?? 0
        #expect(
          wait >= 500 && lines.dropFirst() == ["event: reconnect", #"data: {"type":"reconnect","after_ms":\#(wait)}"#],
          "\(text)")
      }
    }
  }
}
