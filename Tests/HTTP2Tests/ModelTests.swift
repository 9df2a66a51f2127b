import HTTP2
import NIOCore
import TestSupport
import Testing

/// Many streams at random, against what should come of them.
struct ModelTests {
  @Test(arguments: 0..<20 as Range<UInt64>)
  func `Every byte arrives once and in order, whatever happens beside it`(seed: UInt64) throws {
    var settings = HTTP2Settings()
    settings.streamWindow = 3000
    settings.connectionWindow = 70_000
    settings.streams = 20
    settings.resets = HTTP2Settings.Rate(burst: 100_000, perSecond: 0)
    settings.controlFrames = settings.resets
    let model = try Model(settings, SeededGenerator(seed: seed))
    for _ in 0..<600 { try model.step() }
    try model.finish()
  }
}

private final class Model {
  private let pair: ConnectionPair
  private var random: SeededGenerator
  private var streams: [Int32: Stream] = [:]

  private struct Stream {
    var sent: [UInt8] = []
    var received: [UInt8] = []
    var unconsumed = 0
    var isSeen = false
    var isFinished = false
    var isReset = false
    var hasEnded = false
    var isClosed = false
  }

  init(_ settings: HTTP2Settings, _ random: SeededGenerator) throws {
    pair = try ConnectionPair(client: settings, server: settings)
    self.random = random
  }

  func step() throws {
    switch random.below(10) {
    case 0: open()
    case 1...4: send()
    case 5: if random.chance(40) { finishOne() }
    case 6: if random.chance(20) { resetOne() }
    case 7: consume()
    default: try carry()
    }
  }

  /// A stream whose answer is random bytes.
  private func open() {
    guard streams.values.count(where: { !$0.isClosed }) < 20 else { return }
    let fields = HTTP2Fields(method: "GET", authority: "a", path: "/")
    guard let stream = pair.client.request(fields, endsStream: true) else { return }
    streams[stream] = Stream()
  }

  private func pick(_ condition: (Stream) -> Bool) -> Int32? {
    streams.filter { condition($0.value) }.keys.sorted().randomElement(using: &random)
  }

  private func send() {
    guard let stream = pick({ $0.isSeen && !$0.isFinished && !$0.isReset }) else { return }
    let size = random.chance(10) ? 20_000 : 200
    let bytes = (0..<random.below(size)).map { _ in UInt8.random(in: 0...255, using: &random) }
    streams[stream]!.sent += bytes
    pair.server.send(stream, ByteBuffer(bytes: bytes))
  }

  private func finishOne() {
    guard let stream = pick({ $0.isSeen && !$0.isFinished && !$0.isReset }) else { return }
    streams[stream]!.isFinished = true
    pair.server.finish(stream)
  }

  private func resetOne() {
    guard let stream = pick({ !$0.isReset }) else { return }
    streams[stream]!.isReset = true
    // The server can only reset what it knows of.
    let isServers = streams[stream]!.isSeen && random.chance(50)
    (isServers ? pair.server : pair.client).reset(stream, .cancel)
  }

  private func consume() {
    guard let stream = pick({ $0.unconsumed > 0 }) else { return }
    pair.client.consume(stream, streams[stream]!.unconsumed)
    streams[stream]!.unconsumed = 0
  }

  private func carry() throws {
    try carry(from: pair.client, to: pair.server)
    try carry(from: pair.server, to: pair.client)
    while let event = pair.server.nextEvent() {
      guard case .head(let stream, _, _) = event else { continue }
      streams[stream]!.isSeen = true
      pair.server.respond(stream, HTTP2Fields(status: 200), endsStream: false)
    }
    while let event = pair.client.nextEvent() { note(event) }
  }

  private func carry(from: HTTP2Connection, to: HTTP2Connection) throws {
    var bytes = ByteBuffer()
    _ = from.produce(into: &bytes, limit: random.chance(30) ? 1 : 1 + random.below(40_000))
    while let part = bytes.readSlice(length: min(bytes.readableBytes, 1 + random.below(2000))), part.readableBytes > 0 {
      try part.withUnsafeReadableBytes { (bytes) throws(HTTP2Violation) in try to.receive(bytes, now: 1000) }
    }
  }

  private func note(_ event: HTTP2Event) {
    switch event {
    case .body(let stream, let bytes):
      #expect(!streams[stream]!.isClosed && !streams[stream]!.hasEnded)
      streams[stream]!.received += bytes.readableBytesView
      streams[stream]!.unconsumed += bytes.readableBytes
    case .inputEnded(let stream):
      streams[stream]!.hasEnded = true
    case .closed(let stream, let code):
      #expect(!streams[stream]!.isClosed)
      streams[stream]!.isClosed = true
      #expect(code == 0 || streams[stream]!.isReset)
    default: break
    }
  }

  func finish() throws {
    for _ in 0..<3 {
      for stream in streams.keys where !streams[stream]!.isReset {
        pair.server.finish(stream)
        streams[stream]!.isFinished = streams[stream]!.isSeen
      }
      for _ in 0..<2000 {
        for (stream, state) in streams where state.unconsumed > 0 {
          pair.client.consume(stream, state.unconsumed)
          streams[stream]!.unconsumed = 0
        }
        try carry()
        if !pair.client.hasOutput, !pair.server.hasOutput, streams.values.allSatisfy({ $0.unconsumed == 0 }) { break }
      }
    }
    #expect(!streams.isEmpty)
    for state in streams.values {
      #expect(state.isClosed)
      if state.isReset {
        #expect(state.sent.starts(with: state.received))
      } else {
        #expect(state.hasEnded)
        #expect(state.received == state.sent)
      }
    }
    #expect(pair.server.openStreams == 0)
    #expect(pair.client.openStreams == 0)
  }
}
