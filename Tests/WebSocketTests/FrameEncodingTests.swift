import TestSupport
import Testing
import WebSocket

/// What senders write.
struct FrameEncodingTests {
  @Test func `a server's frames are the RFC's`() {
    var bytes: [UInt8] = []
    WebSocketFrame.text("Hello", to: &bytes)
    WebSocketFrame.ping(Array("Hello".utf8), to: &bytes)
    WebSocketFrame.pong(to: &bytes)
    WebSocketFrame.binary([1, 2], to: &bytes)
    WebSocketFrame.close(code: 1000, reason: "ok", to: &bytes)
    WebSocketFrame.close(code: nil, to: &bytes)
    #expect(
      bytes == [
        0x81, 5, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x89, 5, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x8A, 0, 0x82, 2, 1, 2,
        0x88, 4, 0x03, 0xE8, 0x6F, 0x6B, 0x88, 0,
      ])
  }

  @Test func `a client's frames are masked`() {
    var bytes: [UInt8] = []
    WebSocketFrame.text("Hello", mask: MaskingKey(wire: 0x37FA_213D), to: &bytes)
    #expect(bytes == [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
  }

  @Test func `two frames have two keys`() {
    var generator = SeededGenerator(seed: 1)
    let keys = (0..<8).map { _ in MaskingKey.random(using: &generator).wire }
    #expect(Set(keys).count == 8)
  }

  @Test(
    arguments: [
      (0, [0x82, 0]), (125, [0x82, 125]), (126, [0x82, 126, 0, 126]), (65_535, [0x82, 126, 0xFF, 0xFF]),
      (65_536, [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]), (1 << 40, [0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0]),
    ] as [(Int, [UInt8])])
  func `a header has the shortest length, and says how long it is`(length: Int, header: [UInt8]) throws {
    var bytes: [UInt8] = []
    WebSocketFrame.appendHeader(opcode: .binary, payloadLength: length, to: &bytes)
    #expect(bytes == header)
    #expect(WebSocketFrame.headerLength(payloadLength: length) == header.count)
    let decoded = try bytes.withUnsafeBytes { try FrameHeader.decode($0) }
    #expect(decoded?.header == FrameHeader(opcode: .binary, payloadLength: length))
    #expect(decoded?.length == header.count)
    for end in 0..<bytes.count {
      let cut = try bytes[..<end].withUnsafeBytes { try FrameHeader.decode($0)?.header }
      #expect(cut == nil)
    }
  }

  @Test func `a compressed message sets RSV1`() {
    var bytes = ContiguousArray<UInt8>()
    WebSocketFrame.appendHeader(opcode: .text, rsv1: true, payloadLength: 7, to: &bytes)
    #expect(bytes == [0xC1, 7])
  }

  @Test(
    arguments: [
      (String(repeating: "a", count: 123), 123), (String(repeating: "a", count: 124), 123),
      (String(repeating: "é", count: 62), 122), ("a" + String(repeating: "€", count: 41), 121),
      ("aaa" + String(repeating: "👩‍👩‍👧‍👦", count: 5), 103),
    ])
  func `a close reason is cut between two characters`(reason: String, kept: Int) {
    var bytes: [UInt8] = []
    WebSocketFrame.close(code: 4000, reason: reason, to: &bytes)
    #expect(bytes.count == 4 + kept)
    let heard = WebSocketConnection.reader(.client).hear(bytes)
    #expect(heard.error == nil)
    guard case .close(4000, let read)? = heard.events.first else {
      Issue.record("no close was heard")
      return
    }
    #expect(reason.hasPrefix(read) && read.utf8.count == kept)
  }

  @Test func `a mask works at every alignment and every length`() {
    var generator = SeededGenerator(seed: 2)
    for length in 0..<40 {
      for sourceShift in 0..<8 {
        let payload = generator.bytes(length)
        let key = UInt32(truncatingIfNeeded: generator.next())
        var expected = payload
        for index in expected.indices {
          expected[index] ^= UInt8(truncatingIfNeeded: key >> UInt32(24 - 8 * (index % 4)))
        }
        // The same payload at eight places in memory, and continued from eight places in the frame.
        let padded = [UInt8](repeating: 0, count: sourceShift) + payload
        var frame: [UInt8] = []
        padded.withUnsafeBytes { raw in
          let mask = MaskingKey(wire: key)
          let header = FrameHeader(opcode: .binary, payloadLength: length, mask: mask)
          WebSocketFrame.append(header, UnsafeRawBufferPointer(rebasing: raw[sourceShift...]), to: &frame)
        }
        #expect(Array(frame.suffix(length)) == expected)
        let cut = 6 + min(sourceShift, length)
        let heard = WebSocketConnection.reader().hear(pieces: [Array(frame[..<cut]), Array(frame[cut...])])
        #expect(heard.events == [.message(.binary, payload)])
      }
    }
  }
}
