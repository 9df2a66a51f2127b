/// What one object that a gateway sends is to the bench. Nothing is parsed: the payload's size is known, so everything
/// in a message that matters stands at a known distance from its end.
package enum DeliveredObject: Equatable {
  /// A message of a run's topic: its seq there, and when it was sent.
  case message(topic: Int, seq: UInt64, stamp: UInt64)
  case control(ControlKind)
  /// Neither; not of this run, or not of a gateway.
  case unreadable

  package enum ControlKind: String {
    case hello, gap, reconnect, error
    case caughtUp = "caught_up"
    /// One that changes nothing here.
    case other
  }

  /// - Parameters:
  ///   - object: `{"id":"…","topic":"…","seq":17,"time":1795348212123,"data":<payload>}` or `{"type":"…",…}`.
  ///   - payloadBytes: the size of the run's payloads.
  @inline(__always)
  package init(_ object: UnsafeRawBufferPointer, payloadBytes: Int) {
    let payload = object.count &- 1 &- payloadBytes
    guard payload > Self.leastBefore, object[2] == UInt8(ascii: "i"),
      object.loadUnaligned(fromByteOffset: payload &- 8, as: UInt64.self) == Self.data
    else {
      self = Self.uncommon(object)
      return
    }
    var index = payload &- 9
    while index > Self.leastBefore / 2, Self.isDigit(object[index]) { index &-= 1 }
    guard object.loadUnaligned(fromByteOffset: index &- 7, as: UInt64.self) == Self.time else {
      self = .unreadable
      return
    }
    index &-= 8
    var seq: UInt64 = 0
    var place: UInt64 = 1
    while index > 0, Self.isDigit(object[index]) {
      seq &+= UInt64(object[index] & 15) &* place
      place &*= 10
      index &-= 1
    }
    let stampAt = payload &+ BenchPayload.stampAt
    let stamp = BenchPayload.readHex8(object, at: stampAt) &<< 32 | BenchPayload.readHex8(object, at: stampAt &+ 8)
    let topic = BenchPayload.readHex8(object, at: payload &+ BenchPayload.topicAt)
    self = .message(topic: Int(truncatingIfNeeded: topic), seq: seq, stamp: stamp)
  }

  /// No message has fewer bytes before its payload.
  private static let leastBefore = "{'id':'a-1','topic':'a','seq':1,'time':1,'data':".utf8.count - 1
  private static let data = word(",\"data\":")
  private static let time = word(",\"time\":")

  /// Eight characters as they lie in memory.
  private static func word(_ text: StaticString) -> UInt64 {
    UnsafeRawPointer(text.utf8Start).loadUnaligned(as: UInt64.self)
  }

  @inline(__always)
  private static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

  @inline(never)
  private static func uncommon(_ object: UnsafeRawBufferPointer) -> DeliveredObject {
    // The data of an sse heartbeat.
    if object.elementsEqual("{}".utf8) { return .control(.other) }
    let start = "{\"type\":\"".utf8
    guard object.starts(with: start) else { return .unreadable }
    let name = object.dropFirst(start.count).prefix { $0 != UInt8(ascii: "\"") }
    return .control(ControlKind(rawValue: String(decoding: name, as: UTF8.self)) ?? .other)
  }
}
