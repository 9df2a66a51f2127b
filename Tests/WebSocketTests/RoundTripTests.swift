import TestSupport
import Testing
import WebSocket

/// What one side of ours sends, the other side of ours hears.
struct RoundTripTests {
  @Test(
    .timeLimit(.minutes(10)), arguments: [WebSocketConnection.Role.server, .client], [false, true])
  func `random conversations arrive as they were sent`(reader: WebSocketConnection.Role, deflate: Bool) {
    for seed in 0..<40 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      var wire: [UInt8] = []
      var sent: [WebSocketEvent] = []
      for _ in 0..<12 {
        sent += Self.send(&wire, masking: reader == .server, deflate: deflate, &generator)
      }
      WebSocketFrame.close(
        code: 4321, reason: "bye \(seed)", mask: reader == .server ? .random(using: &generator) : nil, to: &wire)
      sent.append(.close(code: 4321, reason: "bye \(seed)"))

      let connection = WebSocketConnection.reader(reader, deflate: deflate)
      var heard = Heard()
      while !wire.isEmpty, heard.error == nil {
        let count = min(wire.count, Int.random(in: 1...2_000, using: &generator))
        let next = connection.hear(Array(wire.prefix(count)))
        wire.removeFirst(count)
        heard.events += next.events
        heard.error = next.error
      }
      #expect(heard == Heard(events: sent))
    }
  }

  /// Appends one message, in one frame or in fragments with a control frame between them, and says what it means.
  private static func send(
    _ wire: inout [UInt8], masking: Bool, deflate: Bool, _ generator: inout SeededGenerator
  ) -> [WebSocketEvent] {
    let size = [0, 1, 125, 126, 127, 1_000, 5_000][Int(generator.next() % 7)]
    let kind: MessageKind = generator.next() % 2 == 0 ? .text : .binary
    var payload = generator.bytes(size)
    if kind == .text { payload = Array(String(decoding: payload, as: UTF8.self).utf8) }
    let compress = deflate && generator.next() % 2 == 0
    var rest = (compress ? deflated(payload) : payload)[...]

    var events: [WebSocketEvent] = []
    var opcode = kind.opcode
    repeat {
      let piece = generator.next() % 2 == 0 ? rest : rest.prefix(Int(generator.next() % 700))
      rest = rest.dropFirst(piece.count)
      let mask = masking ? MaskingKey.random(using: &generator) : nil
      let bits: UInt8 = compress && opcode != .continuation ? 4 : 0
      wire += frame(opcode, Array(piece), fin: rest.isEmpty, bits: bits, mask: mask)
      opcode = .continuation
      if !rest.isEmpty, generator.next() % 2 == 0 {
        let note = generator.bytes(Int(generator.next() % 126))
        WebSocketFrame.ping(note, mask: mask, to: &wire)
        events.append(.ping(note))
      }
    } while !rest.isEmpty
    return events + [.message(kind, payload)]
  }
}
