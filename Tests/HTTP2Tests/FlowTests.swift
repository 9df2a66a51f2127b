import HTTP2
import NIOCore
import TestSupport
import Testing

struct FlowTests {
  @Test func `A stream with a closed window waits, and the others go on`() throws {
    let client = try RawClient()
    // New streams begin without a window.
    try client.send(.setting(4, 0))
    try client.send(.headers(1), .headers(3))
    _ = client.frames()
    try client.send(.windowUpdate(3, 1000))
    for stream: Int32 in [1, 3] {
      client.server.respond(stream, HTTP2Fields(status: 200), endsStream: false)
      client.server.send(stream, ByteBuffer(repeating: 7, count: 500))
    }
    #expect(client.server.window(1) == 0)
    #expect(client.server.window(3) == 1000)
    let sent = client.frames().filter { $0.type == Frame.Kind.data }
    #expect(sent == [.data(3, [UInt8](repeating: 7, count: 500))])
    #expect(client.server.pendingBytes(1) == 500)
    #expect(client.server.pendingBytes(3) == 0)
    #expect(!client.server.hasOutput)
    try client.send(.windowUpdate(1, 200))
    #expect(client.frames() == [.data(1, [UInt8](repeating: 7, count: 200))])
    #expect(client.server.pendingBytes(1) == 300)
  }

  @Test func `A megabyte each way through small windows arrives whole`() throws {
    var settings = HTTP2Settings()
    settings.streamWindow = 1000
    settings.connectionWindow = 65_535
    settings.controlFrames = HTTP2Settings.Rate(burst: 10_000, perSecond: 0)
    let pair = try ConnectionPair(client: settings, server: settings)
    var random = SeededGenerator(seed: 4)
    let sent = (0..<(1 << 20)).map { _ in UInt8.random(in: 0...255, using: &random) }
    let stream = try #require(
      pair.client.request(HTTP2Fields(method: "POST", authority: "a", path: "/"), endsStream: false))
    try pair.exchange()
    pair.server.respond(stream, HTTP2Fields(status: 200), endsStream: false)
    for end in [pair.client, pair.server] {
      end.send(stream, ByteBuffer(bytes: sent))
      end.finish(stream)
    }
    var received: [[UInt8]] = [[], []]
    var closed = 0
    var rounds = 0
    while closed < 2, rounds < 5000 {
      rounds += 1
      try pair.exchange()
      for (index, end) in [pair.client, pair.server].enumerated() {
        while let event = end.nextEvent() {
          switch event {
          case .body(_, let bytes):
            received[index] += bytes.readableBytesView
            end.consume(stream, bytes.readableBytes)
          case .closed(_, let code):
            #expect(code == 0)
            closed += 1
          default: break
          }
        }
      }
    }
    #expect(received[0] == sent)
    #expect(received[1] == sent)
  }

  @Test func `What nobody consumes fills its stream's window and no other's`() throws {
    var settings = HTTP2Settings()
    settings.streamWindow = 10_000
    settings.connectionWindow = 65_535
    let pair = try ConnectionPair(server: settings)
    var received: [Int32: Int] = [:]
    for _ in 0..<50 {
      let fields = HTTP2Fields(method: "POST", authority: "a", path: "/")
      let stream = try #require(pair.client.request(fields, endsStream: false))
      pair.client.send(stream, ByteBuffer(repeating: 1, count: 20_000))
    }
    try pair.exchange()
    for (stream, bytes) in pair.bodies(of: pair.server) { received[stream] = bytes.count }
    #expect(received.count == 50)
    #expect(received.values.allSatisfy { $0 == 10_000 })
    pair.server.consume(1, 10_000)
    try pair.exchange()
    #expect(pair.bodies(of: pair.server).mapValues(\.count) == [1: 10_000])
  }

  @Test func `A hundred streams take turns`() throws {
    let client = try RawClient()
    try client.send(.setting(4, 1 << 30), .windowUpdate(0, 1 << 30))
    for number in 0..<100 { try client.send(.headers(UInt32(number * 2 + 1))) }
    _ = client.frames()
    for number in 0..<100 {
      let stream = Int32(number * 2 + 1)
      client.server.respond(stream, HTTP2Fields(status: 200), endsStream: false)
    }
    _ = client.frames()
    // One has much to say.
    client.server.send(1, ByteBuffer(repeating: 0, count: 10 << 20))
    for number in 1..<100 { client.server.send(Int32(number * 2 + 1), ByteBuffer(repeating: 1, count: 40_000)) }
    let order = client.frames().filter { $0.type == Frame.Kind.data }.map(\.stream)
    let lastOfOthers = try #require(order.lastIndex { $0 != 1 })
    #expect(order[...lastOfOthers].filter { $0 == 1 }.count <= 5)
    #expect(order.filter { $0 == 1 }.count == 640)
  }

  @Test func `Small limits on output lose nothing`() throws {
    let client = try RawClient()
    for stream: UInt32 in [1, 3] { try client.send(.headers(stream)) }
    for stream: Int32 in [1, 3] {
      client.server.respond(stream, HTTP2Fields(status: 200), endsStream: false)
      for number in 0..<20 { client.server.send(stream, ByteBuffer(string: "\(number),")) }
      client.server.finish(stream)
    }
    var text: [UInt32: String] = [:]
    var calls = 0
    var isMore = true
    while isMore {
      var buffer = ByteBuffer()
      isMore = client.server.produce(into: &buffer, limit: 1)
      for frame in Frame.all(in: buffer) where frame.type == Frame.Kind.data {
        text[frame.stream, default: ""] += String(decoding: frame.payload, as: UTF8.self)
      }
      calls += 1
      try #require(calls < 100)
    }
    let whole = (0..<20).map { "\($0)," }.joined()
    #expect(text == [1: whole, 3: whole])
    #expect(calls >= 4)
  }

  @Test func `No frame is longer than 16 KiB`() throws {
    let client = try RawClient()
    try client.send(.setting(5, 1 << 20), .setting(4, 1 << 20), .windowUpdate(0, 1 << 20), .headers(1))
    client.server.respond(1, HTTP2Fields(status: 200), endsStream: false)
    client.server.send(1, ByteBuffer(repeating: 1, count: 100_000))
    #expect(client.frames().allSatisfy { $0.payload.count <= 16 << 10 })
    #expect(client.server.pendingBytes(1) == 0)
  }

  @Test func `Reset, a stream lets go of what it had pending`() throws {
    let client = try RawClient()
    try client.send(.headers(1))
    client.server.respond(1, HTTP2Fields(status: 200), endsStream: false)
    client.server.send(1, ByteBuffer(repeating: 1, count: 1 << 20))
    var buffer = ByteBuffer()
    // A frame is made and held back while the stream is reset.
    #expect(client.server.produce(into: &buffer, limit: 20_000))
    client.server.reset(1, .cancel)
    let rest = client.frames()
    #expect(rest.last.map { $0.type == Frame.Kind.reset } == true)
    #expect(client.server.pendingBytes(1) == 0)
    #expect(client.server.openStreams == 0)
  }
}
