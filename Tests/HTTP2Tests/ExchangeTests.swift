import HTTP2
import NIOCore
import Testing

struct ExchangeTests {
  @Test func `A request and its answer arrive as they were sent`() throws {
    let pair = try ConnectionPair()
    var request = HTTP2Fields(method: "POST", authority: "example.org", path: "/v1/x?y=1")
    request.add("Content-Type".utf8, "text/plain".utf8)
    let stream = try #require(pair.client.request(request, endsStream: false))
    pair.client.send(stream, ByteBuffer(string: "hello"))
    pair.client.finish(stream)
    try pair.exchange()
    #expect(
      pair.takeEvents(of: pair.server).map(\.summary) == [
        "head 1 POST /v1/x?y=1 example.org https content-type=text/plain", "body 1 hello", "end 1",
      ])
    #expect(pair.server.openStreams == 1)
    var answer = HTTP2Fields(status: 200)
    answer.add("X-Kind".utf8, "test".utf8)
    pair.server.respond(stream, answer, endsStream: false)
    pair.server.send(stream, ByteBuffer(string: "good"))
    pair.server.send(stream, ByteBuffer(string: "bye"))
    pair.server.finish(stream)
    try pair.exchange()
    #expect(
      pair.takeEvents(of: pair.client).map(\.summary) == [
        "head 1 200 x-kind=test", "body 1 goodbye", "end 1", "closed 1 0",
      ])
    #expect(pair.takeEvents(of: pair.server).map(\.summary) == ["closed 1 0"])
    #expect(pair.server.openStreams == 0)
  }

  @Test func `An answer without a body ends with its head`() throws {
    let pair = try ConnectionPair()
    let stream = try pair.openStream("/none")
    #expect(pair.takeEvents(of: pair.server).map(\.summary) == ["head 1 GET /none example.org https end"])
    pair.server.respond(stream, HTTP2Fields(status: 204), endsStream: true)
    try pair.exchange()
    #expect(pair.takeEvents(of: pair.client).map(\.summary) == ["head 1 204 end", "closed 1 0"])
  }

  @Test func `Commands on a stream that is gone do nothing`() throws {
    let pair = try ConnectionPair()
    let stream = try pair.openStream()
    pair.client.reset(stream, .cancel)
    try pair.exchange()
    pair.server.respond(stream, HTTP2Fields(status: 200), endsStream: false)
    pair.server.send(stream, ByteBuffer(string: "late"))
    pair.server.finish(stream)
    pair.server.consume(stream, 10)
    pair.server.reset(stream, .cancel)
    #expect(pair.server.pendingBytes(stream) == 0)
    #expect(!pair.server.hasOutput)
  }

  @Test func `A request that is reset before anybody took it is dropped and counted`() throws {
    let pair = try ConnectionPair()
    let first = try pair.openStream("/first")
    let second = try pair.openStream("/second")
    pair.client.reset(first, .cancel)
    try pair.exchange()
    #expect(pair.takeEvents(of: pair.server).map(\.summary) == ["head \(second) GET /second example.org https end"])
    #expect(pair.server.takeDroppedRequests() == 1)
    #expect(pair.server.takeDroppedRequests() == 0)
  }

  @Test func `A peer that goes away lets open streams end`() throws {
    let pair = try ConnectionPair()
    let stream = try pair.openStream()
    pair.server.goAway(.noError)
    try pair.exchange()
    #expect(pair.takeEvents(of: pair.client).map(\.summary) == ["away \(stream) 0"])
    #expect(pair.client.request(HTTP2Fields(method: "GET", authority: "a", path: "/"), endsStream: true) == nil)
    #expect(!pair.server.isDone)
    pair.server.respond(stream, HTTP2Fields(status: 200), endsStream: false)
    pair.server.send(stream, ByteBuffer(string: "still here"))
    pair.server.finish(stream)
    try pair.exchange()
    #expect(pair.bodies(of: pair.client) == [stream: Array("still here".utf8)])
    #expect(pair.server.isDone)
    #expect(pair.client.isDone)
  }

  @Test func `A WebSocket is opened by an extended CONNECT`() throws {
    let pair = try ConnectionPair()
    let fields = HTTP2Fields(method: "CONNECT", authority: "example.org", path: "/chat", protocol: "websocket")
    let stream = try #require(pair.client.request(fields, endsStream: false))
    try pair.exchange()
    #expect(pair.takeEvents(of: pair.server).map(\.summary) == ["head 1 CONNECT /chat example.org https :websocket"])
    pair.server.respond(stream, HTTP2Fields(status: 200), endsStream: false)
    pair.server.send(stream, ByteBuffer(string: "down"))
    pair.client.send(stream, ByteBuffer(string: "up"))
    try pair.exchange()
    #expect(pair.bodies(of: pair.client) == [stream: Array("down".utf8)])
    #expect(pair.bodies(of: pair.server) == [stream: Array("up".utf8)])
  }

  @Test func `An unknown protocol is up to whoever answers`() throws {
    let pair = try ConnectionPair()
    let fields = HTTP2Fields(method: "CONNECT", authority: "example.org", path: "/", protocol: "connect-ip")
    _ = pair.client.request(fields, endsStream: false)
    try pair.exchange()
    #expect(pair.takeEvents(of: pair.server).map(\.summary) == ["head 1 CONNECT / example.org https :connect-ip"])
  }

  @Test func `Bytes one at a time give the same events as all at once`() throws {
    let frames: [Frame] = [
      .settings, .headers(1, flags: Frame.Flag.endHeaders), .data(1, Array("abc".utf8)), .data(1, [], ends: true),
      .headers(3, Array(Frame.get.prefix(3)), flags: Frame.Flag.endStream),
      Frame(type: Frame.Kind.continuation, flags: 4, stream: 3, payload: Array(Frame.get.dropFirst(3))), .ping,
      .reset(3), .headers(5),
    ]
    let bytes = Frame.preface + frames.flatMap(\.bytes)
    let whole = try RawClient(greeted: false)
    try whole.send(bytes)
    let single = try RawClient(greeted: false)
    for byte in bytes { try single.send([byte]) }
    // Body that comes in pieces is one event once nothing comes between.
    #expect(
      whole.events().map(\.summary).filter { !$0.hasPrefix("body") }
        == single.events().map(\.summary).filter { !$0.hasPrefix("body") })
    #expect(whole.server.takeDroppedRequests() == 1)
    #expect(single.server.takeDroppedRequests() == 1)
  }

  @Test func `A head is being read until its last byte`() throws {
    let client = try RawClient()
    let bytes = Frame.headers(1).bytes
    #expect(!client.server.isReadingHead)
    for byte in bytes.dropLast() { try client.send([byte]) }
    #expect(client.server.isReadingHead)
    try client.send([bytes.last!])
    #expect(!client.server.isReadingHead)
    try client.send(.headers(3, [], flags: 0))
    #expect(client.server.isReadingHead)
    try client.send(Frame(type: Frame.Kind.continuation, flags: 4, stream: 3, payload: Frame.get))
    #expect(!client.server.isReadingHead)
  }

  @Test func `The settings say what the limits are`() throws {
    var settings = HTTP2Settings()
    settings.streams = 77
    let client = try RawClient(settings, greeted: false)
    let first = try #require(client.frames().first)
    #expect(first.type == Frame.Kind.settings)
    let entries = stride(from: 0, to: first.payload.count, by: 6).map { place in
      [UInt8](first.payload[place..<(place + 6)])
    }
    #expect(entries.contains([0, 3, 0, 0, 0, 77]))
    #expect(entries.contains([0, 8, 0, 0, 0, 1]))
    #expect(entries.contains([0, 6] + Frame.number(24 << 10)))
    #expect(entries.contains([0, 4] + Frame.number(64 << 10)))
  }
}
