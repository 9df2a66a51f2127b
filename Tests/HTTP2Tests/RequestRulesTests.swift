import HTTP2
import Testing

/// RFC 9113 sections 8.2 and 8.3: what makes a request malformed.
struct RequestRulesTests {
  private static let usual = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")]

  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let fields: [(String, String)]
  }

  static let malformed = [
    Case(testDescription: "an upper-case name", fields: usual + [("X-Test", "1")]),
    Case(testDescription: "a name with a space", fields: usual + [("x test", "1")]),
    Case(testDescription: "a value with a line break", fields: usual + [("x-test", "a\nb")]),
    Case(testDescription: "connection", fields: usual + [("connection", "close")]),
    Case(testDescription: "transfer-encoding", fields: usual + [("transfer-encoding", "chunked")]),
    Case(testDescription: "upgrade", fields: usual + [("upgrade", "websocket")]),
    Case(testDescription: "te: gzip", fields: usual + [("te", "gzip")]),
    Case(testDescription: "no method", fields: Array(usual.dropFirst())),
    Case(testDescription: "no path", fields: usual.filter { $0.0 != ":path" }),
    Case(testDescription: "no scheme", fields: usual.filter { $0.0 != ":scheme" }),
    Case(testDescription: "two paths", fields: usual + [(":path", "/b")]),
    Case(testDescription: "an empty path", fields: usual.filter { $0.0 != ":path" } + [(":path", "")]),
    Case(testDescription: "an unknown pseudo-header field", fields: usual + [(":other", "1")]),
    Case(testDescription: "a pseudo-header field behind others", fields: [("x", "1")] + usual),
    Case(testDescription: "another host", fields: usual + [("host", "b")]),
    Case(testDescription: "two lengths", fields: usual + [("content-length", "0"), ("content-length", "0")]),
    Case(testDescription: "a length and no body", fields: usual + [("content-length", "5")]),
    Case(testDescription: "a protocol without CONNECT", fields: usual + [(":protocol", "websocket")]),
  ]

  @Test(arguments: malformed) func `A malformed request is reset and not heard of`(malformed: Case) throws {
    let client = try RawClient()
    try client.send(.headers(1, Frame.block(malformed.fields)))
    let frames = client.frames()
    #expect(frames.map(\.type) == [Frame.Kind.reset])
    #expect(frames.first?.code == HTTP2ErrorCode.protocolError.rawValue)
    #expect(client.events().isEmpty)
    #expect(client.server.takeDroppedRequests() == 0)
    // The connection goes on.
    try client.send(.headers(3))
    #expect(client.events().map(\.summary) == ["head 3 GET / a http end"])
  }

  static let fine = [
    Case(testDescription: "te: trailers", fields: usual + [("te", "trailers")]),
    Case(testDescription: "the same host", fields: usual + [("host", "A")]),
    Case(testDescription: "host instead of authority", fields: Array(usual.dropLast()) + [("host", "b")]),
    Case(testDescription: "two cookies", fields: usual + [("cookie", "a=1"), ("cookie", "b=2")]),
  ]

  @Test(arguments: fine) func `What is unusual but allowed arrives`(fine: Case) throws {
    let client = try RawClient()
    try client.send(.headers(1, Frame.block(fine.fields)))
    #expect(client.events().count == 1)
    #expect(client.frames().isEmpty)
  }

  @Test func `A body that is longer or shorter than its length is reset`() throws {
    let client = try RawClient()
    let block = Frame.block(Self.usual + [("content-length", "3")])
    try client.send(.headers(1, block, flags: 4), .data(1, [1, 2, 3, 4]))
    try client.send(.headers(3, block, flags: 4), .data(3, [1], ends: true))
    try client.send(.headers(5, block, flags: 4), .data(5, [1, 2, 3], ends: true))
    #expect(client.frames().filter { $0.type == Frame.Kind.reset }.map(\.stream) == [1, 3])
    #expect(client.server.openStreams == 1)
    #expect(client.server.takeDroppedRequests() == 2)
  }

  @Test func `A trailer that is not allowed resets the stream`() throws {
    let client = try RawClient()
    try client.send(.headers(1, flags: 4), .headers(1, Frame.block([(":path", "/")])))
    #expect(client.frames().map(\.type) == [Frame.Kind.reset])
  }
}
