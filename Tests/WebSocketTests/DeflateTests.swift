import TestSupport
import Testing
import WebSocket

/// Messages compressed and inflated (RFC 7692 section 7.2).
struct DeflateTests {
  private func inflate(_ bytes: [UInt8], limit: Int = 1 << 20) throws -> [UInt8] {
    try bytes.withUnsafeBytes { try MessageInflater().inflate($0, limit: limit) }
  }

  @Test func `the RFC's Hello compresses to the RFC's bytes`() {
    #expect(deflated(Array("Hello".utf8)) == [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
    #expect(deflated([]) == [0x00])
  }

  @Test func `a message does not depend on those before it`() {
    let deflater = MessageDeflater()
    let hello = Array("Hello".utf8)
    var outputs: [[UInt8]] = []
    for _ in 0..<3 {
      var output: [UInt8] = [0xAA]
      hello.withUnsafeBytes { deflater.compress($0, appendTo: &output) }
      outputs.append(output)
    }
    #expect(outputs == [[UInt8]](repeating: [0xAA, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], count: 3))
  }

  @Test(arguments: [-1, 1, 6, 9])
  func `what a deflater compresses an inflater reads`(level: Int) throws {
    var generator = SeededGenerator(seed: 3)
    let inflater = MessageInflater()
    let deflater = MessageDeflater(level: level)
    // Around the sizes of the buffers inside, random and repetitive.
    for size in [0, 1, 2, 100, 16_383, 16_384, 16_385, 32_767, 32_768, 32_769, 70_000] {
      for message in [generator.bytes(size), [UInt8](repeating: 0x61, count: size)] {
        var compressed: [UInt8] = []
        message.withUnsafeBytes { deflater.compress($0, appendTo: &compressed) }
        #expect(compressed.suffix(4) != [0, 0, 0xFF, 0xFF])
        let inflated = try compressed.withUnsafeBytes { try inflater.inflate($0, limit: size) }
        #expect(inflated == message)
      }
    }
  }

  @Test func `what does not compress is still within its limit on the wire`() {
    var generator = SeededGenerator(seed: 4)
    for size in [0, 1, 10, 1_000, 70_000] {
      let message = generator.bytes(size)
      let heard = WebSocketConnection.reader(limit: size, deflate: true)
        .hear(masked(.binary, deflated(message, level: 1), bits: 4))
      #expect(heard == Heard(events: [.message(.binary, message)]))
    }
  }

  @Test func `a bomb stops at the limit`() {
    let bomb = deflated([UInt8](repeating: 0, count: 8 << 20), level: 9)
    #expect(bomb.count < 9_000)
    let heard = WebSocketConnection.reader(limit: 100_000, deflate: true).hear(masked(.binary, bomb, bits: 4))
    guard case .messageTooLong(let size, 100_000)? = heard.error else {
      Issue.record("the bomb gave \(heard)")
      return
    }
    #expect((100_001...132_768).contains(size))
  }

  @Test(arguments: [0, 1, 32_767, 32_768, 32_769])
  func `the limit is the last size allowed`(limit: Int) throws {
    let fits = [UInt8](repeating: 5, count: limit)
    #expect(try inflate(deflated(fits), limit: limit) == fits)
    #expect(throws: WebSocketError.messageTooLong(limit + 1, limit: limit)) {
      try inflate(deflated(fits + [5]), limit: limit)
    }
  }

  @Test func `a truncated message is refused wherever it is cut`() throws {
    let message = Array("A message with some length, and some length of it again.".utf8)
    let compressed = deflated(message)
    for end in 1..<compressed.count - 1 {
      let result = Result { try inflate(Array(compressed[..<end])) }
      #expect(throws: WebSocketError.invalidDeflate) { try result.get() }
    }
  }

  @Test func `several final blocks are one message`() throws {
    let block: [UInt8] = [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
    #expect(try inflate(block) == Array("Hello".utf8))
    #expect(try inflate(block + block + [0x00]) == Array("HelloHello".utf8))
  }

  @Test func `an inflater that failed reads the next message`() throws {
    let inflater = MessageInflater()
    #expect(throws: WebSocketError.invalidDeflate) {
      try [0x07].withUnsafeBytes { try inflater.inflate($0, limit: 10) }
    }
    let next = try deflated([1, 2, 3]).withUnsafeBytes { try inflater.inflate($0, limit: 10) }
    #expect(next == [1, 2, 3])
  }

  @Test func `a reference to before the message is refused`() {
    // A fixed block that begins with a match: nothing is there to repeat.
    #expect(throws: WebSocketError.invalidDeflate) { try inflate([0x02, 0x02, 0x00]) }
  }
}
