import TestSupport
import Testing

/// Seeded inputs for the fuzz target, so that every run of the tests is the same run.
struct WireFormatFuzzTests {
  @Test func `every input of the fuzzer's corpus passes`() throws {
    let inputs = try FuzzCorpus.inputs(of: "WireFormatFuzzer")
    #expect(inputs.count > 10)
    for input in inputs { input.withUnsafeBytes { wireFormatFuzzTarget($0) } }
  }

  @Test(.timeLimit(.minutes(10)), arguments: 0..<8 as Range<UInt64>)
  func `no bytes break what reads them`(seed: UInt64) {
    var random = SplitMix(state: seed &* 0x9e37_79b9_7f4a_7c15)
    for _ in 0..<400 {
      let input = Self.input(using: &random)
      input.withUnsafeBytes { wireFormatFuzzTarget($0) }
    }
  }

  @Test(arguments: JSONSamples.valid + JSONSamples.invalid.map(\.text) + seeds)
  func `no sample breaks what reads it, cut anywhere`(text: String) {
    let bytes = Array(text.utf8)
    for end in 0...bytes.count { bytes[..<end].withUnsafeBytes { wireFormatFuzzTarget($0) } }
  }

  static let seeds = [
    #"{"type":"subscribe","topics":["a.*","b.>"],"since":"e-1","rewind":3,"ref":1}"#,
    #"{"type":"unsubscribe","topics":["a"],"ref":"x"}"#,
    #"{"type":"publish","topic":"a.b","data":{"x":[1,2.5e3,"\u00e9\ud83d\ude00"]},"event":"e","key":"k","ref":2}"#,
    #"{"type":"auth","token":"t"}"#, #"{"type":"ping","ref":-1.5e3}"#,
    #"{"messages":[{"topics":["a","b"],"data":null},{"topic":"a","data":1,"if_last":null},{"topic":"$sys"}]}"#,
    #"{"topic":["a"],"since":"earliest","wait":0,"limit":5,"transport":"sse","format":"raw"}"#,
    "text/plain; charset=\"utf-8\"\u{0}body\u{1}", "a/b;c=d\u{0}\u{0}", "orders.*.>\u{0}", "4fk2q9-1042\u{0}",
  ]

  /// Half of them bytes with the letters JSON is made of, half a seed with some bytes changed.
  private static func input(using random: inout SplitMix) -> [UInt8] {
    let alphabet = Array("{}[]:,\"\\ \n\t0123456789.eE+-truefalsnu\u{e9}".utf8) + [0x00, 0x80, 0xc3, 0xed, 0xf4, 0xff]
    if Bool.random(using: &random) {
      return (0..<Int.random(in: 0...60, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0 }
    }
    var bytes = Array((seeds.randomElement(using: &random) ?? "").utf8)
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let index = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<3, using: &random) {
      case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes.insert(alphabet.randomElement(using: &random) ?? 0, at: index)
      default: if bytes.count > 1 { bytes.remove(at: index) }
      }
    }
    return bytes
  }

  private struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z ^ (z >> 31)
    }
  }
}
