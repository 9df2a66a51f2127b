import Delivery
import NIOCore
import NIOEmbedded
import StreamLog
import StreamStores
import Testing
import WireFormat

/// Live delivery: bursts, patterns, stalls.
@Suite(.timeLimit(.minutes(10))) struct FanOutTests {
  @Test func `a burst is one delivery to each subscriber`() throws {
    let harness = HubHarness()
    let (_, first) = try harness.subscribe("a")
    let (_, second) = try harness.subscribe("*")
    for _ in 0..<50 { harness.publish("a") }
    #expect(first.deliveries == 0)
    harness.work()
    for sink in [first, second] {
      #expect(sink.heard == [.opened(0)] + Heard.messages(1...50))
      #expect(sink.deliveries == 1)
      #expect(sink.position == 50)
    }
  }

  /// A reader that stalls keeps what it was handed; a burst without a bound would be all that the tape holds.
  @Test func `a burst is handed over in writes of a bounded size`() throws {
    var settings = HubSettings()
    // Each message has between 60 and 70 bytes.
    settings.burstBytes = 200
    let harness = HubHarness(hub: settings)
    let (_, sink) = try harness.subscribe("a", "b")
    for _ in 0..<10 { harness.publish("a", "c", "b") }
    harness.work()
    #expect(sink.offsets == (1...30).filter { $0 % 3 != 2 })
    #expect((5...10).contains(sink.deliveries))
  }

  /// A loop runs its queued tasks to the end before it looks at a socket, and tasks queued meanwhile too. A hub that
  /// went on with its next burst that way would keep every socket of its loop waiting for as long as there is more.
  @Test func `between two bursts the loop gets to serve its sockets`() throws {
    var settings = HubSettings()
    settings.burstMessages = 1
    let harness = HubHarness(hub: settings)
    let (_, sink) = try harness.subscribe("a")
    for _ in 0..<3 { harness.publish("a") }
    harness.runLoop()
    #expect(sink.offsets == [1])
    harness.runLoop()
    #expect(sink.offsets == [1])
    for count in 2...3 {
      harness.loop.advanceTime(by: .microseconds(20))
      #expect(sink.offsets.count == count)
    }
  }

  @Test func `several topics come merged in id order, with others' messages left out`() throws {
    let harness = HubHarness()
    let (_, both) = try harness.subscribe("a", "c")
    let (_, one) = try harness.subscribe("b")
    for _ in 0..<5 { harness.publish("a", "b", "c", "d") }
    harness.work()
    #expect(both.offsets == [1, 3, 5, 7, 9, 11, 13, 15, 17, 19])
    #expect(one.offsets == [2, 6, 10, 14, 18])
    #expect(both.deliveries == 1 && one.deliveries == 1)
  }

  @Test func `a message that matches several subscriptions is sent once`() throws {
    let harness = HubHarness()
    let (handle, sink) = try harness.subscribe("a.1", "a.*", ">", "a.1")
    harness.publish("a.1", "a.2", "b")
    harness.work()
    #expect(sink.offsets == [1, 2, 3])
    #expect(harness.hub.remove([try TopicPattern("a.*"), try TopicPattern(">")], from: handle))
    harness.publish("a.1", "a.2", "b")
    harness.work()
    #expect(sink.offsets == [1, 2, 3, 4])
    #expect(harness.hub.subscriberCount(of: try TopicName("a.1")) == 1)
  }

  @Test func `a pattern finds topics that are new, and topics that others had before`() throws {
    let harness = HubHarness()
    let (_, exact) = try harness.subscribe("a.1")
    harness.publish("a.1")
    harness.work()
    let (_, pattern) = try harness.subscribe("a.*")
    harness.publish("a.1", "a.2")
    harness.work()
    #expect(exact.offsets == [1, 2])
    #expect(pattern.heard == [.opened(1), .message(2), .message(3)])
  }

  @Test func `a subscriber from now on hears nothing of what was committed before`() throws {
    let harness = HubHarness()
    let (_, early) = try harness.subscribe("a")
    harness.publish("a", "a")
    // The loop has not looked yet; the second subscriber makes it look first.
    let (_, late) = try harness.subscribe("a")
    harness.publish("a")
    harness.work()
    #expect(early.offsets == [1, 2, 3])
    #expect(late.heard == [.opened(2), .message(3)])
  }

  @Test(arguments: StoreAnswers.allCases)
  func `a sink that takes no more gets nothing until it is ready, then everything in order`(
    answers: StoreAnswers
  ) throws {
    var settings = HubSettings()
    settings.pageMessages = 7
    let harness = HubHarness(answers, hub: settings)
    let (handle, sink) = try harness.subscribe("a", "b")
    let (_, other) = try harness.subscribe("a")
    sink.takesMore = false
    harness.publish("a", "b")
    harness.work()
    for _ in 0..<20 {
      harness.publish("a", "b", "c")
      harness.work()
    }
    #expect(sink.offsets == [1, 2])
    #expect(harness.hub.currentCounters.reading == 1)
    #expect(other.offsets.count == 21)
    sink.resume()
    harness.hub.ready(handle)
    harness.work()
    #expect(sink.offsets == [1, 2] + (3...62).filter { $0 % 3 != 2 })
    #expect(sink.deliveries == 1 + 6)
    #expect(harness.hub.currentCounters.reading == 0)
    harness.publish("b")
    harness.work()
    #expect(sink.offsets.last == 63)
  }

  @Test func `a loop passed by the tape loses nothing that the topics still hold`() throws {
    let harness = HubHarness(keeping: 1000, tapeEntries: 4)
    let (_, sink) = try harness.subscribe("a")
    harness.publish(Array(repeating: "a", count: 100))
    harness.work()
    #expect(sink.offsets == Array(1...100))
    #expect(sink.gaps.isEmpty)
  }

  @Test func `a loop passed by the tape and by retention says what is missing`() throws {
    let harness = HubHarness(keeping: 2, tapeEntries: 4)
    let (_, sink) = try harness.subscribe("a", "b")
    harness.publish(["b"] + Array(repeating: "a", count: 100))
    harness.work()
    #expect(
      sink.heard == [.opened(0), .message(1), .gap("a", after: 0, through: 97, "slow")] + Heard.messages(98...101))
    #expect(harness.hub.currentCounters.gaps == [.slow: 1])
  }

  @Test func `an erasure is told to the live subscriber that did not have the messages yet`() throws {
    let harness = HubHarness()
    let (_, sink) = try harness.subscribe("a", "b")
    harness.publish("a", "b", "a")
    try harness.erase("a")
    harness.publish("a")
    harness.work()
    #expect(
      sink.heard == [.opened(0), .message(2), .gap("a", after: 0, through: 3, "deleted"), .message(4)])
  }

  @Test func `a poll-like sink gets at most what it asked for, and the rest when it asks again`() throws {
    let harness = HubHarness()
    let (handle, sink) = try harness.subscribe("a", maxMessages: 3)
    sink.takesMore = false
    harness.publish(Array(repeating: "a", count: 8))
    harness.work()
    #expect(sink.offsets == [1, 2, 3])
    #expect(sink.position == 3)
    sink.resume()
    sink.takesMore = false
    harness.hub.ready(handle)
    harness.work()
    #expect(sink.offsets == [1, 2, 3, 4, 5, 6])
    harness.hub.unsubscribe(handle)
    let (_, next) = try harness.subscribe("a", start: harness.since(6), maxMessages: 3)
    harness.work()
    #expect(next.heard == [.opened(6), .message(7), .message(8), .caughtUp(8, [nil])])
  }

  @Test func `readers that are behind and bursts without pause take turns`() throws {
    var settings = HubSettings()
    settings.pageMessages = 10
    settings.pagesPerTick = 1
    settings.burstMessages = 10
    let harness = HubHarness(hub: settings)
    harness.publish(Array(repeating: "a", count: 200))
    let (_, reader) = try harness.subscribe("a", start: .earliest)
    let (_, live) = try harness.subscribe("b")
    for round in 1...60 {
      harness.publish("b")
      harness.turn()
      harness.turn()
      #expect(live.offsets.count >= round - 1)
    }
    #expect(reader.offsets == Array(1...200))
  }

  @Test func `counters say what was delivered`() throws {
    let harness = HubHarness()
    let (handle, _) = try harness.subscribe("a", "b.*")
    _ = try harness.subscribe("a")
    harness.publish("a", "b.1")
    harness.work()
    let counters = harness.hub.currentCounters
    #expect(counters.subscribers == 2 && counters.subscriptions == 3)
    #expect(counters.deliveries == 3)
    #expect(counters.deliveredBytes == 6)
    // Committed at 0, written at 1 ms by the test's clocks.
    #expect(counters.latency.reduce(0, +) == 3)
    #expect(counters.latencySumMicroseconds == 3000)
    harness.hub.unsubscribe(handle)
    #expect(harness.hub.currentCounters.subscribers == 1 && harness.hub.currentCounters.subscriptions == 1)
  }
}
