import TestSupport
import Testing

struct FuzzTests {
  private static let frames: [Frame] = [
    .settings, .setting(4, 0), .ping, .headers(1), .headers(3, flags: 4), .data(3, [1, 2, 3]), .data(3, [], ends: true),
    .reset(1), .windowUpdate(0, 1000), .windowUpdate(3, 1), .headers(5, [0xBE]), .headers(7, [], flags: 0),
    Frame(type: Frame.Kind.continuation, flags: 4, stream: 7, payload: Frame.get),
    Frame(type: Frame.Kind.goAway, payload: [0, 0, 0, 0, 0, 0, 0, 0]), Frame(type: 0x77, payload: [1]),
  ]

  @Test func `every input of the fuzzer's corpus passes`() throws {
    let inputs = try FuzzCorpus.inputs(of: "HTTP2Fuzzer")
    #expect(inputs.count > 10)
    for input in inputs { input.withUnsafeBytes { http2FuzzTarget($0) } }
  }

  @Test(arguments: 0..<8 as Range<UInt64>) func `Frames of a stranger, damaged here and there, break nothing`(
    seed: UInt64
  ) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<60 {
      var bytes: [UInt8] = [UInt8.random(in: 0...255, using: &random)]
      bytes += Frame.settings.bytes
      for _ in 0..<random.below(12) { bytes += Self.frames.randomElement(using: &random)!.bytes }
      for _ in 0..<random.below(3) { bytes[random.below(bytes.count)] = UInt8.random(in: 0...255, using: &random) }
      bytes.withUnsafeBytes { http2FuzzTarget($0) }
    }
  }
}
