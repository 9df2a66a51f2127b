import Delivery
import StreamLog
import StreamStores
import Testing
import WireFormat

/// Beginning, subscribing later, unsubscribing, rewinding and waiting.
@Suite(.timeLimit(.minutes(10))) struct SubscribingTests {
  @Test(arguments: StoreAnswers.allCases)
  func `a resumed subscriber hears its backlog, that it has caught up, then live`(answers: StoreAnswers) throws {
    let harness = HubHarness(answers)
    harness.publish("a", "b", "a")
    let (_, sink) = try harness.subscribe("a", start: harness.since(1))
    harness.work()
    harness.publish("a")
    harness.work()
    #expect(sink.heard == [.opened(1), .message(3), .caughtUp(3, [nil]), .message(4)])
    #expect(harness.hub.currentCounters.resumesComplete == 1)
  }

  @Test(arguments: StoreAnswers.allCases)
  func `subscribing later with an older since takes the reading back and repeats nothing`(
    answers: StoreAnswers
  ) throws {
    let harness = HubHarness(answers)
    harness.publish("a", "b", "a", "b", "c")
    let (handle, sink) = try harness.subscribe("a", start: harness.since(0))
    harness.work()
    #expect(sink.take() == [.opened(0), .message(1), .message(3), .caughtUp(5, [nil])])
    var began: [Offset] = []
    harness.hub.add(
      [try TopicPattern("b"), try TopicPattern("a")], start: harness.since(1), ref: Ref(1), to: handle
    ) { result in
      began.append((try? result.get()) ?? 999)
    }
    // A store that answers later finds the reading where it is by then.
    harness.store.answer()
    harness.publish("a", "b")
    harness.work()
    #expect(began == [1])
    #expect(sink.take() == [.message(2), .message(4), .message(6), .message(7), .caughtUp(7, [Ref(1)])])
    #expect(harness.hub.subscriptionCount(of: handle) == 2)
  }

  /// A page asked for before a subscription was added does not have the new topic's messages. It used to be told all
  /// the same if the reading had not moved, and they were lost.
  @Test func `a page on its way when a subscription is added is read again`() throws {
    let harness = HubHarness(.later)
    harness.publish("a", "b", "a", "b")
    let (handle, sink) = try harness.subscribe("a", start: harness.since(0))
    harness.store.answer()
    // The first page is asked for; the new subscription's start is answered before it.
    harness.runLoop()
    harness.hub.add([try TopicPattern("b")], start: harness.since(0), ref: Ref(1), to: handle) { _ in }
    harness.store.shuffle(newestFirst: true, late: false)
    harness.work()
    #expect(sink.offsets == [1, 2, 3, 4])
  }

  @Test func `a command that comes before the store has said where to begin waits for it`() throws {
    let harness = HubHarness(.later)
    harness.publish("a", "b", "a")
    let (handle, sink) = try harness.subscribe("a", start: harness.since(1))
    var began: [Offset] = []
    harness.hub.add([try TopicPattern("b")], start: nil, ref: nil, to: handle) { began.append((try? $0.get()) ?? 999) }
    harness.hub.add([try TopicPattern("b")], start: harness.since(0), ref: Ref(1), to: handle) {
      began.append((try? $0.get()) ?? 999)
    }
    #expect(began.isEmpty && sink.heard.isEmpty)
    harness.work()
    #expect(sink.heard.first == .opened(1))
    #expect(began == [1, 0] || began == [3, 0])
    #expect(sink.offsets.sorted() == [2, 3])
  }

  @Test(arguments: StoreAnswers.allCases)
  func `subscribing later without since begins now`(answers: StoreAnswers) throws {
    let harness = HubHarness(answers)
    let (handle, sink) = try harness.subscribe("a")
    harness.publish("a", "b")
    var began: Offset?
    harness.hub.add([try TopicPattern("b")], start: nil, ref: nil, to: handle) { began = try? $0.get() }
    // Where it stands, which is below where the new subscription begins.
    #expect(began == 0)
    harness.publish("b")
    harness.work()
    #expect(sink.heard == [.opened(0), .message(1), .message(3)])
    // Once more changes nothing.
    harness.hub.add([try TopicPattern("b")], start: nil, ref: nil, to: handle) { _ in }
    #expect(harness.hub.subscriptionCount(of: handle) == 2)
  }

  /// The gap of an unknown position must not name an id above what the subscriber has read.
  @Test func `a since beyond the head in mid-connection gives a gap where the subscriber stands`() throws {
    let harness = HubHarness()
    let (handle, sink) = try harness.subscribe("a")
    sink.takesMore = false
    harness.publish("a")
    harness.work()
    sink.resume()
    harness.publish("a", "b", "a")
    harness.hub.add([try TopicPattern("b")], start: harness.since(1_000_000), ref: Ref(1), to: handle) { _ in }
    #expect(sink.heard.last == .gap("", after: 1_000_000, through: 1, "epoch"))
    harness.hub.ready(handle)
    harness.work()
    #expect(sink.offsets == [1, 2, 4])
  }

  /// Merging a pattern subscribed twice used to take the subscriber off the list of that pattern, so that topics new
  /// to the loop no longer reached it.
  @Test func `a pattern subscribed twice goes on matching new topics after it has caught up`() throws {
    let harness = HubHarness()
    harness.publish("a.1")
    let (handle, sink) = try harness.subscribe("a.*")
    harness.hub.add([try TopicPattern("a.*")], start: harness.since(0), ref: Ref(1), to: handle) { _ in }
    harness.work()
    #expect(harness.hub.subscriptionCount(of: handle) == 1)
    harness.publish("a.2", "a.3")
    harness.work()
    #expect(sink.offsets == [1, 2, 3])
  }

  @Test(arguments: StoreAnswers.allCases)
  func `an unsubscribed topic is heard no more, live or behind`(answers: StoreAnswers) throws {
    let harness = HubHarness(answers)
    harness.publish("a", "b")
    let (handle, sink) = try harness.subscribe("a", "b", start: harness.since(0))
    harness.turn()
    #expect(harness.hub.remove([try TopicPattern("b")], from: handle))
    #expect(!harness.hub.remove([try TopicPattern("x")], from: handle))
    let before = sink.offsets
    harness.publish("a", "b")
    harness.work()
    #expect(sink.offsets.filter { !before.contains($0) && $0 % 2 == 0 }.isEmpty)
    #expect(sink.offsets.contains(3) && sink.offsets.contains(1))
  }

  @Test(arguments: StoreAnswers.allCases)
  func `a rewind brings the last n of each topic, marked, and then live`(answers: StoreAnswers) throws {
    let harness = HubHarness(answers)
    harness.publish("a", "a", "b", "a", "b", "c")
    let (_, sink) = try harness.subscribe("a", "b", start: .rewind(2))
    harness.work()
    harness.publish("a")
    harness.work()
    #expect(
      sink.heard == [
        .opened(0), .rewound(2), .rewound(3), .rewound(4), .rewound(5), .caughtUp(6, [nil]), .message(7),
      ])
  }

  @Test func `a position ahead of the loop waits for it and is sent nothing below`() throws {
    let harness = HubHarness()
    let (_, early) = try harness.subscribe("a")
    harness.publish("a", "a", "a")
    // The store has 3; the loop has seen none.
    let (_, sink) = try harness.subscribe("a", start: harness.since(2))
    #expect(sink.heard == [.opened(2)])
    harness.work()
    #expect(sink.heard == [.opened(2), .message(3), .caughtUp(3, [nil])])
    #expect(early.offsets == [1, 2, 3])
  }

  @Test func `a position of an unknown log is told so and goes on with the oldest held`() throws {
    let harness = HubHarness()
    harness.publish("b", "a")
    let (_, sink) = try harness.subscribe("a", start: .since("other-7"))
    harness.work()
    #expect(sink.heard == [.opened(nil), .gap("", after: 0, through: 1, "epoch"), .message(2), .caughtUp(2, [nil])])
    #expect(harness.hub.currentCounters.resumesUnknown == 1)
  }

  @Test func `a resume with a gap counts as one`() throws {
    let harness = HubHarness(keeping: 1, tapeEntries: 1)
    harness.publish("a", "a", "a")
    let (_, sink) = try harness.subscribe("a", start: harness.since(0))
    harness.work()
    #expect(sink.heard == [.opened(0), .gap("a", after: 0, through: 2, "expired"), .message(3), .caughtUp(3, [nil])])
    #expect(harness.hub.currentCounters.resumesWithGap == 1)
  }

  @Test func `with a store that cannot be asked a stream waits to begin, and a poll is refused`() throws {
    let harness = HubHarness(.later)
    harness.publish("a", "a")
    harness.store.isAvailable = false
    let (_, stream) = try harness.subscribe("a", start: harness.since(1))
    let (_, poll) = try harness.subscribe("a", start: harness.since(1), maxMessages: 10)
    let (_, earliest) = try harness.subscribe("a", start: .earliest)
    harness.work()
    #expect(poll.heard == [.refused(.unavailable("the test says so"))] && earliest.heard == poll.heard)
    #expect(stream.heard == [] && harness.hub.currentCounters.subscribers == 1)
    harness.advance(seconds: 5)
    harness.work()
    #expect(stream.heard == [])
    harness.store.isAvailable = true
    harness.advance(seconds: 1)
    harness.work()
    #expect(stream.heard == [.opened(1), .message(2), .caughtUp(2, [nil])])
  }

  @Test func `where an epoch begins that has nothing yet, everybody crosses over in silence`() throws {
    let harness = HubHarness()
    harness.publish("a", "b")
    let (_, live) = try harness.subscribe("a")
    let tape = harness.store.tape
    let epoch = try #require(Epoch("e2"))
    tape.adopt(Lineage(entries: tape.lineage.entries + [.init(epoch: epoch, first: 1001, follows: 2)]))
    for wake in tape.advance(to: 1000) { wake() }
    harness.work()
    #expect(live.heard == [.opened(2)] && harness.hub.cursor == 1000)
    let (_, later) = try harness.subscribe("a")
    harness.work()
    #expect(later.heard == [.opened(1000)])
    #expect(harness.hub.subscribers.map(\.lag) == [0, 0])
  }

  @Test func `a store that cannot be asked holds up a reading`() throws {
    let harness = HubHarness(.later)
    harness.publish("a", "a")
    let (_, sink) = try harness.subscribe("a", start: harness.since(0))
    harness.store.answer()
    harness.store.isAvailable = false
    harness.work()
    #expect(sink.heard == [.opened(0)])
    harness.store.isAvailable = true
    harness.advance(seconds: 1)
    harness.work()
    #expect(sink.heard == [.opened(0), .message(1), .message(2), .caughtUp(2, [nil])])
  }

  /// A loop that nobody woke stands far below the head, and comes up to it burst by burst: a backlog that ended where
  /// the loop was after the first of them left out what had been acknowledged before it was asked for.
  @Test(arguments: StoreAnswers.allCases)
  func `a backlog reaches to where the head was when it was asked for`(answers: StoreAnswers) throws {
    let harness = HubHarness(answers, keeping: 10_000)
    let (handle, first) = try harness.subscribe("a")
    harness.publish(Array(repeating: "x", count: 3000))
    harness.publish("b")
    let (_, second) = try harness.subscribe("b", start: harness.since(0))
    harness.hub.add([try TopicPattern("b")], start: harness.since(0), ref: Ref(1), to: handle) { _ in }
    harness.work()
    #expect(second.heard == [.opened(0), .message(3001), .caughtUp(3001, [nil])])
    #expect(first.heard == [.opened(0), .message(3001), .caughtUp(3001, [Ref(1)])])
  }

  /// A loop is not woken for topics that nobody has there, so it may stand far below the head.
  @Test func `who subscribes where the loop rests behind others' messages begins at the head`() throws {
    let harness = HubHarness()
    let (handle, first) = try harness.subscribe("a")
    harness.publish(Array(repeating: "x", count: 50))
    harness.work()
    let (_, second) = try harness.subscribe("b")
    #expect(second.heard == [.opened(50)])
    harness.publish("b", "a")
    harness.work()
    #expect(second.offsets == [51])
    #expect(first.offsets == [52])
    harness.publish(Array(repeating: "x", count: 50))
    harness.work()
    var began: Offset?
    harness.hub.add([try TopicPattern("c")], start: nil, ref: nil, to: handle) { began = try? $0.get() }
    harness.publish("c", "x")
    harness.work()
    #expect(try #require(began) <= 102)
    #expect(first.offsets == [52, 103])
    // Time passes, and the position with it.
    harness.publish("x")
    harness.work()
    harness.hub.beat(seconds: 15)
    harness.work()
    harness.hub.beat(seconds: 30)
    #expect(first.heard.last == .heartbeat(105))
  }
}
