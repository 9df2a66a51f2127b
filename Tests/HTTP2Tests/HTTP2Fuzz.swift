import HTTP2
import NIOCore

/// Feeds bytes from a stranger to a server's end, answers what comes, and traps if the same bytes, split in other
/// places, give other heads, or if there are more streams, larger heads or more output than the limits allow. A
/// fuzzer's executable compiles this file as it is.
///
/// The first byte chooses the limits and seeds the splits; the rest follows the preface.
func http2FuzzTarget(_ bytes: UnsafeRawBufferPointer) {
  guard let options = bytes.first else { return }
  let sent = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + bytes.dropFirst()
  var (whole, single, random) = (FuzzReading(options), FuzzReading(options), FuzzReading(options))
  whole.read(sent) { $0 }
  single.read(sent) { _ in 1 }
  var state = UInt32(options) | 1
  random.read(sent) { rest in
    state = state &* 1_664_525 &+ 1_013_904_223
    return min(rest, Int(state >> 24) % 19 + 1)
  }
  if let heads = whole.heads, let others = single.heads, let more = random.heads {
    // The larger the pieces, the more requests are reset before anybody has seen them.
    precondition(heads.isSubset(of: others), "one by one the bytes mean something else")
    precondition(heads.isSubset(of: more), "split otherwise the bytes mean something else")
  }
  var answering = FuzzReading(options)
  answering.isAnswering = true
  answering.read(sent) { min($0, 7) }
}

/// What one connection made of the bytes.
private struct FuzzReading {
  /// Each head with its stream; nil once the connection ended by its peer's fault.
  var heads: Set<[UInt8]>? = []
  var isAnswering = false
  /// The peer said that it goes away. libnghttp2 then takes no new request from it, except in the bytes that are given to it
  /// together with that, so those requests are not compared.
  private var isPeerGoing = false
  private let settings: HTTP2Settings
  private var produced = 0

  init(_ options: UInt8) {
    var settings = HTTP2Settings()
    if options & 1 != 0 { settings.continuations = 1 }
    if options & 2 != 0 { settings.headerBytes = 200 }
    if options & 4 != 0 { settings.streamWindow = 16 }
    if options & 8 != 0 { settings.resets = HTTP2Settings.Rate(burst: 3, perSecond: 0) }
    if options & 16 != 0 { settings.controlFrames = HTTP2Settings.Rate(burst: 3, perSecond: 0) }
    self.settings = settings
  }

  /// - Parameter size: how many of the remaining bytes arrive next.
  mutating func read(_ sent: [UInt8], size: (Int) -> Int) {
    let connection = HTTP2Connection(settings, role: .server, now: 1)
    defer { connection.free() }
    var place = 0
    while place < sent.count, heads != nil {
      let count = size(sent.count - place)
      do throws(HTTP2Violation) {
        try ByteBuffer(bytes: sent[place..<(place + count)]).withUnsafeReadableBytes {
          (bytes) throws(HTTP2Violation) in try connection.receive(bytes, now: 1)
        }
      } catch {
        heads = nil
      }
      place += count
      takeEvents(of: connection)
      if isAnswering || heads == nil { produce(from: connection) }
      precondition(connection.openStreams <= settings.streams, "more streams than the limit")
    }
    if heads != nil { produce(from: connection) }
    precondition(produced <= 1000 + sent.count * 64, "much output for little input")
  }

  private mutating func takeEvents(of connection: HTTP2Connection) {
    while let event = connection.nextEvent() {
      switch event {
      case .head(let stream, let head, _):
        precondition(head.bytes.count <= settings.headerBytes, "a head is larger than the limit")
        if !isPeerGoing { heads?.insert(Array("\(stream) ".utf8) + head.bytes) }
        guard isAnswering else { continue }
        connection.respond(stream, HTTP2Fields(status: 200), endsStream: false)
        connection.send(stream, ByteBuffer(string: "answer"))
        if stream % 4 == 1 { connection.finish(stream) } else { connection.reset(stream, .cancel) }
      case .body(let stream, let bytes):
        precondition(bytes.readableBytes > 0, "a body of nothing")
        connection.consume(stream, bytes.readableBytes)
      case .goingAway: isPeerGoing = true
      default: break
      }
    }
  }

  private mutating func produce(from connection: HTTP2Connection) {
    var output = ByteBuffer()
    while connection.produce(into: &output, limit: 1000) {}
    produced += output.readableBytes
  }
}
