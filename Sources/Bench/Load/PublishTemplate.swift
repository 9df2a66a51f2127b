/// A publish request whose topic, stamp and number are written in place before it is sent.
struct PublishTemplate {
  private(set) var bytes: [UInt8]
  private let digitsAt: Int
  private let payloadAt: Int

  init(bytes: [UInt8], digitsAt: Int, payloadBytes: Int) {
    self.bytes = bytes
    self.digitsAt = digitsAt
    payloadAt = bytes.count - payloadBytes
  }

  mutating func fill(topic: Int, stamp: UInt64) {
    var rest = topic
    for place in (digitsAt..<digitsAt + RunTopics.digits).reversed() {
      bytes[place] = UInt8(ascii: "0") + UInt8(rest % 10)
      rest /= 10
    }
    bytes.withUnsafeMutableBytes {
      BenchPayload.write(
        stamp: stamp, topic: topic, to: UnsafeMutableRawBufferPointer(rebasing: $0[payloadAt...]))
    }
  }
}
