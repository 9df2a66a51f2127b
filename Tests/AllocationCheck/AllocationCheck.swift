import CAllocationCount
import Delivery
import LoopTurns
import NIOCore
import NIOEmbedded
import StreamLog
import StreamStores
import TestSupport
import WireFormat

/// Fan-out allocates for a burst, never for a delivery: with ten times the subscribers a burst costs not one
/// allocation more. A program of its own, because only optimized code shows it: what iterates over an array allocates
/// where it is not specialized.
@main struct AllocationCheck {
  /// What everyone subscribes to, of the six topics a burst has; most allocations a burst may cost.
  private static let cases: [(name: String, patterns: [String], heard: Int, limit: Int)] = [
    ("one topic", ["a.1"], 1, 20),
    ("several topics, whose messages do not lie together in a burst", ["a.1", "a.3", "a.5"], 3, 20),
    ("topics and patterns that overlap", ["a.1", "*.3", "a.>"], 6, 20),
  ]

  static func main() throws {
    var failed = 0
    for (name, patterns, heard, limit) in cases {
      let few = try allocations(patterns, subscribers: 20, heard: heard)
      let many = try allocations(patterns, subscribers: 200, heard: heard)
      let isGood = few == many && few.allSatisfy { (1...limit).contains($0) }
      if !isGood { failed += 1 }
      print(
        "\(isGood ? "ok    " : "FAILED") \(name): allocations of a burst with 20 subscribers \(few), "
          + "with 200 \(many), limit \(limit)")
    }
    print("\(cases.count - failed) passed, \(failed) failed")
    if failed > 0 { throw Failure() }
  }

  private struct Failure: Error {}

  /// What each of some bursts allocates, once everything has its size.
  private static func allocations(_ patterns: [String], subscribers: Int, heard: Int) throws -> [Int] {
    let loop = EmbeddedEventLoop()
    let ledger = MemoryLedger()
    let store = MemoryStore(settings: StoreSettings(), epoch: Epoch("e1")!, ledger: ledger) {
      Instant(wall: 1_000_000, monotonic: 0)
    }
    let hub = Hub(
      eventLoop: loop, turns: LoopTurns(loop), among: [loop], store: store, settings: HubSettings(), ledger: ledger
    ) { 0 }
    let encoding = hub.register(ObjectEncoding())
    let patterns = try patterns.map { try TopicPattern($0) }
    let sinks = (0..<subscribers).map { _ in Sink() }
    for sink in sinks {
      _ = hub.subscribe(
        Hub.Request(patterns: patterns, start: nil, encoding: encoding, heartbeatSeconds: 15), sink: sink)
    }
    let draft = MessageDraft(kind: .json, data: Array("{\"value\":1}".utf8))
    var counts: [Int] = []
    for round in 0..<8 {
      for topic in 1...6 {
        store.append([PublishItem(topics: [try TopicName("a.\(topic)")], draft: draft)], publisher: "") { _ in }
      }
      let before = allocation_count()
      loop.run()
      let after = allocation_count()
      if round >= 4 { counts.append(after - before) }
      loop.advanceTime(by: .milliseconds(1))
    }
    for sink in sinks { precondition(sink.pair.read().count { $0 == 10 } == 8 * heard, "a message is missing") }
    return counts
  }
}

/// A transport that is only ever written to straight.
private final class Sink: SubscriberSink {
  let pair = SocketPair()

  var socket: Int32 { pair.near }
  func opened(at offset: Offset?, isRewinding: Bool) {}
  func deliver(_ bytes: ByteBuffer, through: Offset) -> Bool { preconditionFailure("the socket took it all") }
  func caughtUp(at offset: Offset, refs: [Ref?]) {}
  func heartbeat(at offset: Offset) {}
  func refused(_ refusal: StoreRefusal) { preconditionFailure("\(refusal)") }
  func dismissed(_ reason: DismissalReason) {}
  var description: SinkDescription { SinkDescription(session: "s", transport: "socket", address: "here") }
}

/// A line a message.
private final class ObjectEncoding: StreamEncoding {
  func append(_ message: Message, isRewound: Bool, to buffer: inout ByteBuffer) {
    buffer.writeBytes(message.encoded)
    buffer.writeStaticString("\n")
  }

  func append(_ control: Control, isRewinding: Bool, to buffer: inout ByteBuffer) {}
}
