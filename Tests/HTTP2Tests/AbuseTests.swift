import HTTP2
import NIOCore
import Testing

struct AbuseTests {
  private let calm: UInt32 = 11
  private let protocolError: UInt32 = 1

  @Test func `Streams opened and reset at once end the connection, with bounded work`() throws {
    let client = try RawClient()
    let pairs: [Frame] = (0..<10_000).flatMap { number in
      let stream = UInt32(number * 2 + 1)
      return [Frame.headers(stream), Frame.reset(stream)]
    }
    #expect(client.violation(pairs) == .resets)
    #expect(client.events().isEmpty)
    #expect(client.server.takeDroppedRequests() == HTTP2Settings().resets.burst)
    #expect(client.goAwayCode() == calm)
    #expect(client.server.isDone)
    #expect(client.violation([.headers(30_001)]) == .resets)
  }

  @Test func `Resets within the rate are fine for as long as one likes`() throws {
    var settings = HTTP2Settings()
    settings.resets = HTTP2Settings.Rate(burst: 10, perSecond: 10)
    let client = try RawClient(settings)
    for number in 0..<200 {
      client.now += 100
      #expect(client.violation([.headers(UInt32(number * 2 + 1)), .reset(UInt32(number * 2 + 1))]) == nil)
    }
    #expect(client.events().isEmpty)
    #expect(client.server.takeDroppedRequests() == 200)
  }

  @Test func `A peer that makes us reset its streams is counted, too`() throws {
    var settings = HTTP2Settings()
    settings.resets = HTTP2Settings.Rate(burst: 20, perSecond: 0)
    let client = try RawClient(settings)
    var ended: HTTP2Violation?
    for number in 0..<30 where ended == nil {
      let stream = UInt32(number * 2 + 1)
      // A window that overflows is the stream's error.
      ended = client.violation([.headers(stream), .windowUpdate(stream, 0x7FFF_FFFF)])
      _ = client.events()
    }
    #expect(ended == .resets)
    #expect(client.goAwayCode() == calm)
  }

  @Test func `Resets that we ask for are not the peer's`() throws {
    var settings = HTTP2Settings()
    settings.resets = HTTP2Settings.Rate(burst: 0, perSecond: 0)
    let client = try RawClient(settings)
    try client.send(.headers(1, flags: Frame.Flag.endHeaders))
    client.server.reset(1, .noError)
    #expect(client.frames().map(\.type) == [Frame.Kind.reset])
    #expect(client.violation([.ping]) == nil)
  }

  @Test func `A header block in too many frames ends the connection`() throws {
    let client = try RawClient()
    let more = Frame(type: Frame.Kind.continuation, stream: 1, payload: [])
    let block = [Frame.headers(1, [], flags: 0)] + [Frame](repeating: more, count: 8)
    #expect(client.violation(block) == nil)
    #expect(client.violation([more]) == .continuations)
    #expect(client.goAwayCode() == calm)
  }

  @Test(arguments: [
    Frame.ping, .settings, Frame(type: Frame.Kind.priority, stream: 1, payload: [0, 0, 0, 0, 1]),
    Frame(type: 0xF0, payload: [1, 2, 3]), .data(1, []), .windowUpdate(0, 1),
  ])
  func `A flood of frames that bring nothing ends the connection`(frame: Frame) throws {
    let client = try RawClient()
    try client.send(.headers(1, flags: Frame.Flag.endHeaders))
    _ = client.frames()
    var sent = 0
    var ended: HTTP2Violation?
    while ended == nil, sent < 5000 {
      ended = client.violation([frame])
      _ = client.frames()
      sent += 1
    }
    #expect(ended == .controlFrames)
    // A few more for the greeting, and for window updates that were not without reason.
    #expect((990...1100).contains(sent))
    #expect(client.server.isDone || client.goAwayCode() == calm)
  }

  @Test func `Window updates that the data sent accounts for are no flood`() throws {
    var settings = HTTP2Settings()
    settings.controlFrames = HTTP2Settings.Rate(burst: 10, perSecond: 0)
    let client = try RawClient(settings)
    try client.send(.headers(1))
    client.server.respond(1, HTTP2Fields(status: 200), endsStream: false)
    for _ in 0..<2000 {
      client.server.send(1, ByteBuffer(repeating: 1, count: 100))
      #expect(client.frames().contains { $0.type == Frame.Kind.data })
      try client.send(.windowUpdate(0, 100), .windowUpdate(1, 100))
    }
  }

  @Test func `A stream too many is refused, and the others go on`() throws {
    var settings = HTTP2Settings()
    settings.streams = 3
    let client = try RawClient(settings)
    for stream: UInt32 in [1, 3, 5, 7] { try client.send(.headers(stream)) }
    let frames = client.frames()
    #expect(frames.map(\.type) == [Frame.Kind.reset])
    #expect(frames[0].stream == 7)
    #expect(frames[0].code == HTTP2ErrorCode.refusedStream.rawValue)
    #expect(client.events().count == 3)
    #expect(client.server.takeRefusedStreams() == 1)
    #expect(client.server.openStreams == 3)
    client.server.respond(1, HTTP2Fields(status: 200), endsStream: true)
    _ = client.frames()
    try client.send(.headers(9))
    #expect(client.events().map(\.summary) == ["closed 1 0", "head 9 GET / a http end"])
  }

  @Test func `A head above the limit is known as such, and can be answered`() throws {
    var settings = HTTP2Settings()
    settings.headerBytes = 400
    let client = try RawClient(settings)
    let block = Frame.get + Frame.block((0..<20).map { ("x-\($0)", "0123456789") })
    try client.send(.headers(1, block))
    #expect(client.events().map(\.summary) == ["head 1 GET / a http too large end"])
    client.server.respond(1, HTTP2Fields(status: 431), endsStream: true)
    #expect(client.frames().map(\.type) == [Frame.Kind.headers])
  }

  @Test func `A head with more fields than the limit is known as such`() throws {
    let client = try RawClient()
    let field = Frame.block([("a", "b")])
    try client.send(.headers(1, Frame.get + (0..<96).flatMap { _ in field }))
    try client.send(.headers(3, Frame.get + (0..<97).flatMap { _ in field }))
    let heads = client.events().map(\.summary)
    #expect(heads[0].hasSuffix("a=b end"))
    #expect(heads[1] == "head 3 GET / a http too large end")
    #expect(client.violation([.headers(5, Frame.get + (0..<400).flatMap { _ in field })]) == .headerList)
    #expect(client.goAwayCode() == calm)
  }

  @Test func `A bomb of references ends the connection before it is unpacked`() throws {
    let client = try RawClient()
    // One field of 3,000 bytes to remember, and 12,000 references to it: 36 MB.
    let value = [UInt8](repeating: UInt8(ascii: "v"), count: 3000)
    let remembered: [UInt8] = [0x40, 1, UInt8(ascii: "x"), 0x7F, 0xB9, 0x16] + value
    try client.send(.headers(1, Frame.get + remembered))
    #expect(client.events().count == 1)
    let bomb = Frame.get + [UInt8](repeating: 0xBE, count: 12_000)
    #expect(client.violation([.headers(3, bomb)]) == .headerList)
    #expect(client.goAwayCode() == calm)
  }

  @Test func `A stream that was skipped cannot be opened later`() throws {
    let client = try RawClient()
    try client.send(.headers(1), .headers(9))
    #expect(client.events().count == 2)
    #expect(client.violation([.headers(5)]) == .streamIdentifier)
    #expect(client.goAwayCode() == protocolError)
  }

  @Test func `Trailers of a stream that is open are no new stream`() throws {
    let client = try RawClient()
    try client.send(.headers(1, flags: Frame.Flag.endHeaders), .headers(7))
    try client.send(.headers(1, Frame.block([("x-sum", "1")])))
    #expect(client.events().map(\.summary) == ["head 1 GET / a http", "head 7 GET / a http end", "end 1"])
  }

  @Test func `A client that skips too many streams is sent away`() throws {
    var settings = HTTP2Settings()
    settings.skippedStreams = 5
    let client = try RawClient(settings)
    for number in 1...5 { try client.send(.headers(UInt32(number * 4 + 1))) }
    #expect(client.violation([.headers(25)]) == .streamIdentifier)
    #expect(client.goAwayCode() == calm)
  }

  @Test func `A wrong preface ends the connection`() throws {
    let client = try RawClient(greeted: false)
    let words = Array("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n".utf8)
    #expect(throws: HTTP2Violation.self) { try client.send(words) }
    #expect(client.goAwayCode() == protocolError)
  }

  @Test func `What nghttp2 forbids ends the connection with its words`() throws {
    let client = try RawClient()
    guard case .protocolError(let words) = client.violation([.data(0, [1])]) else {
      Issue.record("no protocol error")
      return
    }
    #expect(words.contains("DATA"))
    #expect(client.goAwayCode() == protocolError)
    #expect(client.server.isDone)
  }

  @Test func `Sent away already, a peer is still told what it broke`() throws {
    for (abuse, violation, code) in [
      ([Frame](repeating: .ping, count: 2000), "control_frames", calm),
      ([.data(0, [1])], "protocol_error", protocolError),
    ] {
      let client = try RawClient()
      try client.send(.headers(1, flags: Frame.Flag.endHeaders))
      client.server.goAway(.noError)
      #expect(client.goAwayCode() == 0)
      #expect(client.violation(abuse)?.label == violation)
      #expect(client.goAwayCode() == code)
      #expect(client.server.isDone)
    }
  }

  @Test func `A GOAWAY with a code that was asked for is no fault of the peer`() throws {
    let client = try RawClient()
    try client.send(.headers(1, flags: Frame.Flag.endHeaders))
    client.server.goAway(.enhanceYourCalm)
    #expect(client.goAwayCode() == calm)
    try client.send(.data(1, [1], ends: true))
    #expect(client.events().map(\.summary).last == "end 1")
  }

  @Test func `A frame larger than 16 KiB ends the connection`() throws {
    let client = try RawClient()
    let frame = Frame.data(1, [UInt8](repeating: 0, count: 20_000))
    #expect(client.violation([.headers(1, flags: 4), frame]) != nil)
    #expect(client.goAwayCode() == HTTP2ErrorCode.frameSizeError.rawValue)
  }

  @Test(arguments: [
    HTTP2Violation.resets, .controlFrames, .continuations, .headerList, .streamIdentifier, .protocolError("x"),
  ])
  func `Each violation has words and a label`(violation: HTTP2Violation) {
    #expect(violation.description.hasPrefix("the peer "))
    #expect(violation.label.allSatisfy { $0.isLowercase || $0 == "_" })
  }
}
