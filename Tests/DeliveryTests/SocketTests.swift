import Delivery
import NIOCore
import StreamLog
import TestSupport
import Testing

/// Bursts written straight to sockets, and what happens when a socket does not take them.
@Suite(.timeLimit(.minutes(10))) struct SocketTests {
  private let harness: HubHarness
  private let encoding: Int

  init() {
    var settings = HubSettings()
    settings.burstBytes = 1 << 20
    harness = HubHarness(hub: settings)
    encoding = harness.hub.register(PaddedEncoding(size: 1000))
  }

  private func subscribe(_ sink: SocketSink, _ patterns: String...) throws -> SubscriberHandle {
    harness.hub.subscribe(
      Hub.Request(
        patterns: try patterns.map { try TopicPattern($0) }, start: nil, encoding: encoding, heartbeatSeconds: 15),
      sink: sink)
  }

  @Test func `a burst reaches every socket without a call of its sink`() throws {
    let sinks = (0..<10).map { _ in SocketSink() }
    for sink in sinks { _ = try subscribe(sink, "a") }
    harness.publish("a", "b", "a")
    harness.work()
    harness.publish("a")
    harness.work()
    for sink in sinks {
      #expect(sink.heard == [1, 3, 4])
      #expect(sink.deliveries == 0)
    }
    #expect(harness.hub.currentCounters.deliveries == 30)
    #expect(harness.hub.currentCounters.deliveredBytes == 30_000)
    #expect(harness.hub.subscribers.allSatisfy { $0.sentMessages == 3 && $0.lag == 0 })
  }

  @Test func `each socket gets its own topics' messages, merged in id order`() throws {
    let (both, all, one) = (SocketSink(), SocketSink(), SocketSink())
    _ = try subscribe(both, "a", "c")
    _ = try subscribe(all, "*", "a")
    _ = try subscribe(one, "b")
    for _ in 0..<4 { harness.publish("a", "b", "c", "d") }
    harness.work()
    #expect(both.heard == [1, 3, 5, 7, 9, 11, 13, 15])
    #expect(all.heard == Array(1...16))
    #expect(one.heard == [2, 6, 10, 14])
  }

  /// The rest of the message that was cut goes through the sink, and what comes after it is read when there is room:
  /// so a stalled peer costs one message, and gets everything once.
  @Test func `a socket that takes a part gets the rest of that message through its sink, and the others later`() throws
  {
    let slow = SocketSink(SocketPair(buffer: 4096))
    let other = SocketSink()
    let handle = try subscribe(slow, "a")
    _ = try subscribe(other, "a")
    harness.publish(Array(repeating: "a", count: 200))
    harness.work()
    #expect(other.heard == Array(1...200))
    #expect(slow.deliveries == 1)
    #expect((1...1000).contains(slow.pending.readableBytes))
    #expect(harness.ledger.unsent == slow.pending.readableBytes)
    let cut = slow.position
    #expect((1...199).contains(cut))
    #expect(harness.hub.currentCounters.reading == 1)
    #expect(harness.hub.currentCounters.deliveries == 200 + cut)
    harness.publish("a")
    harness.work()
    #expect(slow.deliveries == 1)
    while slow.position < 201 {
      slow.flush(harness.hub, handle)
      harness.work()
    }
    slow.flush(harness.hub, handle)
    #expect(slow.heard == Array(1...201))
    #expect(harness.ledger.unsent == 0)
    // Live again, and written to straight.
    let deliveries = slow.deliveries
    harness.publish("a")
    harness.work()
    #expect(slow.heard.last == 202)
    #expect(slow.deliveries == deliveries)
  }

  @Test func `a cut in the messages of several topics loses none of them`() throws {
    let slow = SocketSink(SocketPair(buffer: 4096))
    let handle = try subscribe(slow, "a", "c")
    for _ in 0..<100 { harness.publish("a", "b", "c") }
    harness.work()
    #expect(slow.deliveries == 1)
    while slow.position < 300 {
      slow.flush(harness.hub, handle)
      harness.work()
    }
    slow.flush(harness.hub, handle)
    #expect(slow.heard == (1...300).filter { $0 % 3 != 2 })
  }

  /// What the hub holds of a connection must not outlive it: its descriptor is soon another connection's.
  @Test func `a peer that resets in mid-burst is gone, and who gets its descriptor gets nothing of its`() throws {
    let (gone, other, next) = (SocketSink(), SocketSink(), SocketSink())
    let handle = try subscribe(gone, "a")
    _ = try subscribe(other, "a")
    gone.pair.closeFar()
    gone.onDeliver = { [harness] in
      // As a channel does that meets the error: it closes, and its transport leaves the hub.
      gone.pair.closeNear()
      harness.hub.unsubscribe(handle)
    }
    harness.publish("a", "a")
    harness.work()
    #expect(gone.deliveries == 1)
    #expect(gone.position == 1)
    #expect(other.heard == [1, 2])
    #expect(harness.hub.currentCounters.subscribers == 1)
    _ = try subscribe(next, "a")
    harness.publish("a")
    harness.work()
    #expect(gone.deliveries == 1)
    #expect(next.heard == [3])
    #expect(other.heard == [1, 2, 3])
  }

  @Test func `a transport that was busy when its subscriber became live is written to straight from the next burst on`()
    throws
  {
    let sink = SocketSink()
    sink.isBusy = true
    _ = try subscribe(sink, "a")
    harness.publish("a")
    harness.work()
    #expect(sink.deliveries == 1)
    sink.isBusy = false
    harness.publish("a", "a")
    harness.work()
    #expect(sink.heard == [1, 2, 3])
    #expect(sink.deliveries == 1)
  }

  @Test func `a subscriber whose transport is busy is not written to`() throws {
    let sink = SocketSink()
    let handle = try subscribe(sink, "a")
    harness.publish("a")
    harness.work()
    harness.hub.blocked(handle)
    harness.publish("a", "a")
    harness.work()
    #expect(sink.heard == [1])
    harness.hub.ready(handle)
    harness.work()
    #expect(sink.heard == [1, 2, 3])
    harness.hub.unsubscribe(handle)
    harness.publish("a")
    harness.work()
    #expect(sink.heard == [1, 2, 3])
  }
}
