import TestSupport
import Testing
import WebSocket

/// The fuzz target over the same inputs every time: random bytes, and valid frames with bytes changed.
struct FuzzTests {
  @Test func `every input of the fuzzer's corpus passes`() throws {
    let inputs = try FuzzCorpus.inputs(of: "WebSocketFuzzer")
    #expect(inputs.count > 10)
    for input in inputs { input.withUnsafeBytes { webSocketFuzzTarget($0) } }
  }

  @Test(.timeLimit(.minutes(10)), arguments: 0..<4)
  func `random bytes never trap and mean the same however split`(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed))
    for _ in 0..<1_500 {
      generator.bytes(Int.random(in: 0...60, using: &generator)).withUnsafeBytes { webSocketFuzzTarget($0) }
    }
  }

  @Test(.timeLimit(.minutes(10)), arguments: 0..<4)
  func `changed frames never trap and mean the same however split`(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed) << 8 | 1)
    for _ in 0..<1_500 {
      var input = [UInt8.random(in: 0...7, using: &generator), UInt8.random(in: 0...255, using: &generator)]
      for _ in 0..<Int.random(in: 1...4, using: &generator) { input += Self.validFrame(input[0], &generator) }
      for _ in 0..<Int.random(in: 0...3, using: &generator) {
        let index = Int.random(in: 2..<input.count, using: &generator)
        switch generator.next() % 4 {
        case 0: input[index] = UInt8(truncatingIfNeeded: generator.next())
        case 1: input[index] ^= 1 << UInt8(generator.next() % 8)
        case 2 where input.count > 3: input.remove(at: index)
        default: input.insert(UInt8(truncatingIfNeeded: generator.next()), at: index)
        }
      }
      input.withUnsafeBytes { webSocketFuzzTarget($0) }
    }
  }

  @Test(.timeLimit(.minutes(10)))
  func `changed header values never trap, and what our server answers our client understands`() {
    let offers = [
      "permessage-deflate; client_max_window_bits=\"1\\0\"", "permessage-deflate; server_max_window_bits=15, a; b=c",
      PermessageDeflate.offer, "dGhlIHNhbXBsZSBub25jZQ==", "keep-alive, Upgrade",
    ]
    var generator = SeededGenerator(seed: 6)
    for _ in 0..<3_000 {
      var input = [0x80, 0] + Array(offers[Int(generator.next() % 5)].utf8)
      for _ in 0..<Int.random(in: 0...3, using: &generator) {
        let index = Int.random(in: 2..<input.count, using: &generator)
        input[index] = Array(";,=\"\\ \tA1\u{0}".utf8)[Int(generator.next() % 10)]
      }
      input.withUnsafeBytes { webSocketFuzzTarget($0) }
    }
  }

  /// A frame that a reader with these options would take, but for its place among others.
  private static func validFrame(_ options: UInt8, _ generator: inout SeededGenerator) -> [UInt8] {
    let texts = ["", "Hello", "κόσμε 👩‍👩‍👧‍👦", String(repeating: "long ", count: 60)]
    var payload = Array(texts[Int(generator.next() % 4)].utf8)
    var opcode = Opcode.allCases[Int(generator.next() % 6)]
    var bits: UInt8 = 0
    if opcode.isControl {
      payload = opcode == .close ? [0x03, 0xE8] + payload.prefix(5) : Array(payload.prefix(125))
      if opcode == .close, generator.next() % 4 != 0 { opcode = .ping }
    } else if options & 2 != 0, opcode != .continuation, generator.next() % 2 == 0 {
      payload = deflated(payload)
      bits = 4
    }
    let fin = opcode.isControl || generator.next() % 3 != 0
    let mask = options & 1 == 0 ? MaskingKey.random(using: &generator) : nil
    return frame(opcode, payload, fin: fin, bits: bits, mask: mask)
  }
}
