import Delivery
import StreamLog
import StreamStores
import Testing
import WireFormat

/// What sinks do to the hub from inside their own calls.
@Suite(.timeLimit(.minutes(10))) struct ReentrancyTests {
  @Test func `a subscriber added inside a delivery is not part of that burst and misses nothing after it`() throws {
    let harness = HubHarness()
    let (_, sink) = try harness.subscribe("a")
    let added = RecordingSink()
    sink.onDeliver = { [unowned sink] in
      sink.onDeliver = nil
      _ = try? harness.subscribe("a", sink: added)
    }
    harness.publish("a", "a")
    harness.work()
    harness.publish("a")
    harness.work()
    guard case .opened(let start?) = added.heard.first else {
      Issue.record("never opened")
      return
    }
    #expect(added.offsets == Array((start + 1)...3))
  }

  @Test func `a subscriber gone inside its own or another's delivery hears nothing more`() throws {
    let harness = HubHarness()
    let (first, sink) = try harness.subscribe("a")
    let (second, other) = try harness.subscribe("a")
    sink.onDeliver = {
      harness.hub.unsubscribe(first)
      harness.hub.unsubscribe(second)
    }
    other.onDeliver = sink.onDeliver
    harness.publish("a")
    harness.work()
    harness.publish("a")
    harness.work()
    #expect(sink.offsets.count + other.offsets.count == 1)
    #expect(harness.hub.currentCounters.subscribers == 0)
  }

  @Test func `reading taken back inside a live delivery repeats nothing of that burst`() throws {
    let harness = HubHarness()
    let (handle, sink) = try harness.subscribe("a")
    let (other, stranger) = try harness.subscribe("a")
    harness.publish("b")
    harness.work()
    sink.onDeliver = { [unowned sink] in
      sink.onDeliver = nil
      for handle in [handle, other] {
        harness.hub.add([try! TopicPattern("b")], start: harness.since(0), ref: nil, to: handle) { _ in }
      }
    }
    harness.publish("a", "b", "a")
    harness.work()
    #expect(sink.offsets.sorted() == [1, 2, 3, 4])
    #expect(stranger.offsets.sorted() == [1, 2, 3, 4])
  }

  @Test func `a topic subscribed inside another's delivery is heard from that moment on`() throws {
    let harness = HubHarness()
    let (_, sink) = try harness.subscribe("a")
    let (other, stranger) = try harness.subscribe("a")
    var began: Offset = 99
    sink.onDeliver = { [unowned sink] in
      sink.onDeliver = nil
      harness.hub.add([try! TopicPattern("b")], start: nil, ref: nil, to: other) { began = (try? $0.get()) ?? 99 }
    }
    harness.publish("a", "b")
    harness.work()
    #expect(began <= 1)
    #expect(stranger.offsets == [1])
    harness.publish("b", "a")
    harness.work()
    #expect(stranger.offsets == [1, 3, 4])
  }

  /// Taking the reading back inside `deliver` used to hide that the sink takes no more.
  @Test func `a sink that subscribes and stops in one delivery is left alone until it is ready`() throws {
    let harness = HubHarness()
    let (handle, sink) = try harness.subscribe("a")
    harness.publish("b")
    harness.work()
    sink.takesMore = false
    sink.onDeliver = { [unowned sink] in
      sink.onDeliver = nil
      harness.hub.add([try! TopicPattern("b")], start: harness.since(0), ref: nil, to: handle) { _ in }
    }
    harness.publish("a")
    harness.work()
    harness.publish("a", "b")
    harness.work()
    #expect(sink.offsets == [2])
    sink.resume()
    harness.hub.ready(handle)
    harness.work()
    #expect(sink.offsets == [2, 1, 3, 4])
  }

  @Test func `a stale handle does nothing to the subscriber that has its slot now`() throws {
    let harness = HubHarness()
    let (stale, _) = try harness.subscribe("a")
    harness.hub.unsubscribe(stale)
    let (handle, sink) = try harness.subscribe("a")
    harness.hub.unsubscribe(stale)
    harness.hub.ready(stale)
    harness.hub.touched(stale)
    #expect(!harness.hub.dismiss(stale, .disconnected))
    #expect(!harness.hub.remove([try TopicPattern("a")], from: stale))
    #expect(harness.hub.subscriptionCount(of: stale) == 0 && harness.hub.subscriptionCount(of: handle) == 1)
    harness.publish("a")
    harness.work()
    #expect(sink.heard == [.opened(0), .message(1)])
  }

  @Test func `a page for a subscriber that is gone is nobody's`() throws {
    let harness = HubHarness(.later)
    harness.publish("a")
    let (stale, _) = try harness.subscribe("a", start: harness.since(0))
    harness.store.answer()
    harness.runLoop()
    harness.hub.unsubscribe(stale)
    let (_, sink) = try harness.subscribe("b", start: harness.since(1))
    harness.work()
    #expect(sink.heard == [.opened(1), .caughtUp(1, [nil])])
  }
}
