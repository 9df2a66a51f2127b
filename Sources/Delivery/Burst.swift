import StreamLog

/// The burst under way: which messages, and who gets which of them. Its lists are kept from burst to burst.
final class Burst {
  /// Messages that go to the same subscribers, one after the other.
  struct Segment {
    let sources: TopicInterest.Sources
    let first: Int
    var end: Int
  }

  /// A run of messages that a subscriber gets, beyond its first.
  struct Run {
    let first: Int32
    var end: Int32
    /// The subscriber's next run in `runs`; -1 if it is the last.
    var next: Int32 = -1
  }

  /// More space than this is given back after a burst that needed it.
  private static let keptRuns = 1 << 16

  private(set) var number: UInt32 = 0
  private(set) var messages: ContiguousArray<Message> = []
  private(set) var segments: ContiguousArray<Segment> = []
  /// How many subscribers get each message.
  var takers: ContiguousArray<Int> = []
  /// Who gets anything.
  private(set) var touched: ContiguousArray<Int32> = []
  private var runs: ContiguousArray<Run> = []
  /// Those touched that cannot be written to straight.
  var others: ContiguousArray<Int32> = []
  /// Those touched that would get more in it than they take at once.
  var overfull: ContiguousArray<Int32> = []

  func begin() {
    // 0 is what a slot and an arena have that had none yet.
    number = number == .max ? 1 : number + 1
    if runs.capacity > Self.keptRuns { runs = [] }
    takers.removeAll(keepingCapacity: true)
    touched.removeAll(keepingCapacity: true)
    runs.removeAll(keepingCapacity: true)
    others.removeAll(keepingCapacity: true)
    overfull.removeAll(keepingCapacity: true)
  }

  /// Nothing of it is kept longer than needed.
  func end() {
    messages.removeAll(keepingCapacity: true)
    segments.removeAll(keepingCapacity: true)
  }

  func append(_ message: Message, _ sources: TopicInterest.Sources) {
    messages.append(message)
    if let last = segments.last, last.sources == sources {
      segments[segments.count - 1].end += 1
    } else {
      segments.append(Segment(sources: sources, first: messages.count - 1, end: messages.count))
    }
  }

  /// Gives a subscriber messages after those it has.
  ///
  /// - Parameter owner: the slot's number.
  /// - Returns: false if it has them.
  func give(_ slot: inout HotSlot, owner: Int32, first: Int32, end: Int32) -> Bool {
    if slot.burst != number {
      touched.append(owner)
      slot.burst = number
      slot.first = first
      slot.end = end
      slot.nextRun = -1
      slot.lastRun = -1
      return true
    }
    let last = slot.lastRun < 0 ? slot.end : runs[Int(slot.lastRun)].end
    // It is on another list too.
    guard last < end else { return false }
    if last == first {
      if slot.lastRun < 0 { slot.end = end } else { runs[Int(slot.lastRun)].end = end }
      return true
    }
    let run = Int32(runs.count)
    runs.append(Run(first: first, end: end))
    if slot.lastRun < 0 { slot.nextRun = run } else { runs[Int(slot.lastRun)].next = run }
    slot.lastRun = run
    return true
  }

  /// Calls `body` with each run of messages that a subscriber gets, in order.
  @inline(__always)
  func forEachRun(of slot: HotSlot, _ body: (Range<Int>) -> Void) {
    body(Int(slot.first)..<Int(slot.end))
    var next = slot.nextRun
    while next >= 0 {
      let run = runs[Int(next)]
      body(Int(run.first)..<Int(run.end))
      next = run.next
    }
  }

  /// How many messages a subscriber gets.
  @inline(__always)
  func count(of slot: HotSlot) -> Int {
    var count = 0
    forEachRun(of: slot) { count += $0.count }
    return count
  }
}
