import Bench
import Testing

struct CompletenessTests {
  /// What one subscriber makes of these numbers of its only topic.
  private static func ledger(_ seqs: [UInt64]) -> Completeness {
    var ledger = Completeness(topicsEach: 1)
    ledger.addSubscriber()
    for seq in seqs { ledger.receive(subscriber: 0, topic: 0, seq: seq) }
    return ledger
  }

  @Test func `everything once and in order is complete`() {
    let ledger = Self.ledger([1, 2, 3])
    #expect(ledger.received == 3)
    #expect(ledger.missing(subscriber: 0, committed: [3]) == 0)
    #expect(ledger.duplicates == 0 && ledger.disordered == 0)
    #expect(ledger.highest(subscriber: 0, topic: 0) == 3)
  }

  @Test func `what never came is missing at the start, in the middle and at the end`() {
    let ledger = Self.ledger([3, 4, 7])
    #expect(ledger.received == 3)
    #expect(ledger.missing(subscriber: 0, committed: [10]) == 7)
    #expect(ledger.disordered == 0)
  }

  @Test func `what came late was out of order and is not missing`() {
    let ledger = Self.ledger([1, 3, 2])
    #expect(ledger.disordered == 1)
    #expect(ledger.received == 3)
    #expect(ledger.missing(subscriber: 0, committed: [3]) == 0)
  }

  @Test func `what came twice is counted apart, even after it was late`() {
    let ledger = Self.ledger([1, 1, 3, 2, 2])
    #expect(ledger.duplicates == 2)
    #expect(ledger.received == 3)
    #expect(ledger.missing(subscriber: 0, committed: [3]) == 0)
  }

  @Test func `a hole too large to be known by number is missing all the same`() {
    let far = Completeness.mostHoles * 3
    let ledger = Self.ledger([far])
    #expect(ledger.received == 1)
    #expect(ledger.missing(subscriber: 0, committed: [far]) == far - 1)
  }

  @Test func `subscribers and their topics are counted apart`() {
    var ledger = Completeness(topicsEach: 2)
    for _ in 0..<2 { ledger.addSubscriber() }
    ledger.receive(subscriber: 0, topic: 1, seq: 1)
    ledger.receive(subscriber: 1, topic: 0, seq: 1)
    ledger.receive(subscriber: 1, topic: 1, seq: 1)
    let committed: [UInt64] = [9, 9, 1, 1]
    #expect(ledger.missing(subscriber: 0, committed: committed[2...]) == 1)
    #expect(ledger.missing(subscriber: 1, committed: committed[2...]) == 0)
  }
}

struct FaultLogTests {
  @Test func `the same reason is counted, and too many become others`() {
    var log = FaultLog()
    log.add("lost")
    log.add("lost", count: 2)
    #expect(log.counts.first?.count == 3)
    for number in 0..<100 { log.add("reason \(number)") }
    #expect(log.counts.count == FaultLog.mostReasons + 1)
    #expect(log.counts.last?.reason == FaultLog.others)
    #expect(log.total == 103)
    var sum = FaultLog()
    sum.merge(log)
    #expect(sum == log)
  }
}

struct TimelineTests {
  @Test func `stretches of several loops are joined, and empty ones are there`() {
    var timeline = Timeline(duration: .seconds(1))
    #expect(timeline.step == 100_000_000)
    for index in [1, 3, 3] {
      var interval = Interval(index: index)
      interval.deliveries = 5
      timeline.add(interval)
    }
    let (intervals, each) = timeline.slice(from: 50_000_000, to: 470_000_000)
    #expect(each == 1)
    #expect(intervals.map(\.deliveries) == [5, 0, 10])
    #expect(timeline.slice(from: 10, to: 20).intervals.isEmpty)
    timeline.clear()
    #expect(timeline.slice(from: 0, to: 300_000_000).intervals.map(\.deliveries) == [0, 0, 0])
  }

  @Test func `neighbours are joined where there are too many`() {
    var timeline = Timeline(duration: nil)
    for index in 0..<1000 {
      var interval = Interval(index: index)
      interval.published = 1
      timeline.add(interval)
    }
    let (intervals, each) = timeline.slice(from: 0, to: timeline.step * 1000)
    #expect(each == 10)
    #expect(intervals.count == 100)
    #expect(intervals.allSatisfy { $0.published == 10 })
  }
}
