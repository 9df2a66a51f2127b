import Delivery
import StreamLog
import StreamStores
import Testing

/// Heartbeats, stalls and ends.
@Suite(.timeLimit(.minutes(10))) struct TimekeepingTests {
  @Test func `a heartbeat comes after the silence asked for, with the subscriber's position`() throws {
    let harness = HubHarness()
    let (handle, sink) = try harness.subscribe("a", heartbeat: 15)
    let (_, never) = try harness.subscribe("a", heartbeat: 0)
    harness.publish("b", "b")
    harness.work()
    for second in Int32(1)...14 { harness.hub.beat(seconds: second) }
    #expect(sink.take() == [.opened(0)])
    harness.hub.beat(seconds: 15)
    #expect(sink.take() == [.heartbeat(2)])
    harness.hub.beat(seconds: 20)
    harness.publish("a")
    harness.work()
    harness.hub.beat(seconds: 34)
    #expect(sink.take() == [.message(3)])
    harness.hub.touched(handle)
    harness.hub.beat(seconds: 48)
    #expect(sink.take().isEmpty)
    harness.hub.beat(seconds: 49)
    #expect(sink.take() == [.heartbeat(3)])
    #expect(never.heard == [.opened(0), .message(3)])
  }

  /// A store under load took more than a second for a page. A poll that did not want to wait was answered without
  /// messages and with the position it came with: its client took that for the end of what there was.
  @Test func `a poll's time is not over while its reading is under way`() throws {
    let harness = HubHarness(.later)
    harness.publish("a", "b")
    let (_, stream) = try harness.subscribe("a", start: harness.since(0), heartbeat: 1)
    let (_, poll) = try harness.subscribe("a", start: harness.since(0), maxMessages: 10, heartbeat: 1)
    let (_, idle) = try harness.subscribe("c", start: harness.since(0), maxMessages: 10, heartbeat: 1)
    harness.turn()
    harness.runLoop()
    harness.hub.beat(seconds: 60)
    #expect(stream.take() == [.opened(0), .heartbeat(0)])
    #expect(poll.take() == [.opened(0)])
    #expect(idle.take() == [.opened(0)])
    harness.work()
    #expect(poll.take() == [.message(1), .caughtUp(2, [nil])])
    #expect(idle.take() == [.caughtUp(2, [nil])])
    harness.hub.beat(seconds: 61)
    #expect(idle.take() == [.heartbeat(2)])
  }

  @Test func `a poll whose store cannot be asked is refused, and a stream asks again`() throws {
    let harness = HubHarness(.later)
    harness.publish("a")
    let (_, stream) = try harness.subscribe("a", start: harness.since(0))
    let (_, poll) = try harness.subscribe("a", start: harness.since(0), maxMessages: 10)
    // Where they begin has been asked; pages have not.
    harness.store.isAvailable = false
    harness.work()
    #expect(poll.take() == [.opened(0), .refused(.unavailable("the test says so"))])
    #expect(stream.take() == [.opened(0)])
    harness.store.isAvailable = true
    harness.advance(seconds: 1)
    harness.work()
    #expect(stream.take() == [.message(1), .caughtUp(1, [nil])])
    #expect(poll.take().isEmpty)
    #expect(harness.hub.currentCounters.subscribers == 1)
  }

  @Test func `a stalled subscriber hears no heartbeat, and is let be however long it takes`() throws {
    let harness = HubHarness()
    let (handle, sink) = try harness.subscribe("a")
    sink.takesMore = false
    harness.hub.beat(seconds: 1)
    harness.publish("a")
    harness.work()
    harness.hub.beat(seconds: 600)
    #expect(sink.heard == [.opened(0), .message(1)])
    #expect(harness.ledger.unsent > 0)
    sink.resume()
    harness.hub.ready(handle)
    #expect(harness.ledger.unsent == 0)
    #expect(harness.hub.currentCounters.subscribers == 1)
  }

  @Test func `under memory pressure those that stalled longest are closed first`() throws {
    var settings = HubSettings()
    // Each message is two bytes in the test's encoding: room for one that stalls.
    settings.unsentBytes = 3
    let harness = HubHarness(hub: settings)
    var sinks: [RecordingSink] = []
    for second in Int32(1)...3 {
      harness.hub.beat(seconds: second)
      let (_, sink) = try harness.subscribe("a")
      sink.takesMore = false
      sinks.append(sink)
      harness.publish("a")
      harness.work()
    }
    harness.hub.beat(seconds: 4)
    #expect(sinks.map(\.heard.last) == [.dismissed(.memory), .dismissed(.memory), .message(3)])
    #expect(harness.hub.currentCounters.dismissals == ["memory": 2])
  }

  @Test func `a subscriber that stalls again and again loses nothing`() throws {
    let harness = HubHarness()
    let (handle, sink) = try harness.subscribe("a")
    for second in Int32(1)...50 {
      harness.hub.beat(seconds: second * 10)
      sink.takesMore = false
      harness.publish("a")
      harness.work()
      sink.resume()
      sink.takesMore = false
      harness.hub.ready(handle)
      harness.publish("a")
      harness.work()
      sink.resume()
      harness.hub.ready(handle)
      harness.work()
    }
    #expect(harness.hub.currentCounters.dismissals.isEmpty)
    #expect(sink.offsets == Array(1...100))
  }

  @Test func `draining ends every subscriber with its own advice`() throws {
    let harness = HubHarness()
    let (_, first) = try harness.subscribe("a")
    let (_, second) = try harness.subscribe("b")
    var after = 0
    let count = harness.hub.dismissAll { _, subscriptions in
      guard subscriptions.contains(try! TopicPattern("a")) else { return nil }
      after += 100
      return .draining(afterMilliseconds: after)
    }
    #expect(count == 1)
    #expect(first.heard == [.opened(0), .dismissed(.draining(afterMilliseconds: 100))])
    #expect(second.heard == [.opened(0)])
  }

  @Test func `operators see where each subscriber stands`() throws {
    let harness = HubHarness()
    let (_, sink) = try harness.subscribe("a")
    _ = try harness.subscribe("b.*")
    sink.takesMore = false
    harness.publish("a")
    harness.work()
    harness.publish("a", "a")
    harness.work()
    let seen = harness.hub.subscribers
    #expect(seen.map(\.state) == ["catching_up", "live"])
    #expect(seen.map(\.lag) == [2, 0])
    #expect(seen.map(\.position.offset) == [1, 3])
    #expect(seen.map(\.patterns) == [["a"], ["b.*"]])
    #expect(seen.map(\.sentMessages) == [1, 0])
  }
}
