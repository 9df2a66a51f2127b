import Bench
import StreamLog
import Testing
import WireFormat

/// What the bench finds in messages, which are those of the gateway's own encoder.
struct DeliveredObjectTests {
  private static func message(
    _ payload: BenchPayload, topic: Int, stamp: UInt64, seq: UInt64, offset: UInt64
  ) throws -> [UInt8] {
    var data = payload.template
    data.withUnsafeMutableBytes { BenchPayload.write(stamp: stamp, topic: topic, to: $0) }
    return MessageEncoder.encode(
      draft: try MessageDraft(json: data, event: nil),
      position: Position(epoch: try #require(Epoch("h5ugh7zq")), offset: offset), predecessor: 0, seq: seq,
      topic: try TopicName("bench.abcdefgh.000007"), time: 1_795_348_212_123, committedAt: 0
    ).encoded
  }

  private static func read(_ bytes: [UInt8], payloadBytes: Int) -> DeliveredObject {
    bytes.withUnsafeBytes { DeliveredObject($0, payloadBytes: payloadBytes) }
  }

  @Test(arguments: [BenchPayload.minimumBytes, BenchPayload.minimumBytes + 1, 128, 70_000])
  func `a message gives back its topic, seq and stamp`(bytes: Int) throws {
    let payload = BenchPayload(bytes: bytes)
    #expect(payload.count == bytes)
    for seq in [1, 9, 10, 12_345, UInt64(UInt32.max) * 1000] {
      for stamp in [1, 0x0123_4567_89ab_cdef, UInt64.max] {
        let message = try Self.message(payload, topic: 999_999, stamp: stamp, seq: seq, offset: seq * 3)
        #expect(
          Self.read(message, payloadBytes: bytes) == .message(topic: 999_999, seq: seq, stamp: stamp))
      }
    }
  }

  @Test func `the payload is JSON that says what it is`() throws {
    var data = BenchPayload(bytes: 60).template
    data.withUnsafeMutableBytes { BenchPayload.write(stamp: 0xabc, topic: 0x12, to: $0) }
    let value = try JSONValue(parsing: data)
    #expect(value["t"]?.stringValue == "0000000000000abc")
    #expect(value["n"]?.stringValue?.hasPrefix("00000012xxx") == true)
  }

  @Test func `controls are told apart`() {
    let position = Position(epoch: Epoch("h5ugh7zq")!, offset: 17)
    let controls: [(Control, DeliveredObject.ControlKind)] = [
      (.hello(id: position, heartbeat: 25, session: "s"), .hello), (.caughtUp(id: position), .caughtUp),
      (.heartbeat(id: position), .other), (.reconnect(afterMs: 3000), .reconnect),
    ]
    for (control, kind) in controls {
      #expect(Self.read(control.encoded, payloadBytes: 40) == .control(kind))
    }
    let gap = #"{"type":"gap","topic":"orders.42","after":"4fk2q9-1000","id":"4fk2q9-1029","reason":"expired"}"#
    #expect(Self.read(Array(gap.utf8), payloadBytes: 40) == .control(.gap))
    #expect(Self.read(Array("{}".utf8), payloadBytes: 40) == .control(.other))
  }

  @Test func `whatever else there is cannot be read and does no harm`() throws {
    let payload = BenchPayload(bytes: 64)
    let message = try Self.message(payload, topic: 1, stamp: 1, seq: 1, offset: 1)
    for count in message.indices {
      #expect(Self.read(Array(message[..<count]), payloadBytes: 64) == .unreadable)
    }
    #expect(Self.read(message, payloadBytes: 63) == .unreadable)
    for bytes in [[], [0x7B], Array(repeating: UInt8(ascii: "i"), count: 200)] as [[UInt8]] {
      #expect(Self.read(bytes, payloadBytes: 64) == .unreadable)
    }
  }
}
