/// One thread with its share of a run's subscribers and publishers. Everything in it belongs to that thread; it speaks
/// with the rest of the run through its port.
final class LoadLoop {
  /// A coalesced burst of a busy gateway fits, and it stays in the second level cache.
  private static let receiveBytes = 256 << 10
  /// How often the state is posted while something happens, in nanoseconds.
  private static let postEvery: UInt64 = 5_000_000
  /// The poller's names of publishers begin here, those of subscribers at 0.
  static let publisherKeys: UInt64 = 1 << 32

  let target: LoadTarget
  let port: LoopPort
  /// Which of the run's loops this is.
  let number: Int
  let poller: Poller
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: receiveBytes, alignment: 64)
  let accept: [UInt8]

  var intake: Intake
  var status = LoopStatus()
  var result = LoopResult()
  var phase = Phase.steady

  // Subscribers (see LoadLoop+Subscribing).
  var subscribers: [SubscriberConnection] = []
  var waiting: ArraySlice<SubscriberSpec> = []
  var window = 0
  var handshakes = 0
  var connected = 0
  /// The two pieces of each group's poll.
  var polls: [Int: (before: [UInt8], after: [UInt8])] = [:]
  var scratch: [UInt8] = []

  // Publishers (see LoadLoop+Publishing).
  var publishers: [PublisherConnection] = []
  var template: PublishTemplate
  var pace: Pace?
  var publishGroups = 0..<1
  var publishStart: UInt64 = 0
  /// How many messages of the pace have been due.
  var due = 0
  /// Publishers that were refused and when they try again.
  var resting: [(until: UInt64, publisher: Int)] = []
  var committed: [UInt64]

  private var isFinished = false
  private var isDirty = true
  private var lastPost: UInt64 = 0

  init(_ target: LoadTarget, port: LoopPort, number: Int) {
    self.target = target
    self.port = port
    self.number = number
    poller = Poller(waker: port.waker)
    accept = target.accept
    template = target.publishTemplate
    committed = Array(repeating: 0, count: target.plan.topicCount)
    intake = Intake(target.plan, interval: Interval(index: 0))
  }

  deinit { buffer.deallocate() }

  /// Works until it is told to finish.
  func run() {
    while !isFinished {
      for order in port.takeOrders() { follow(order) }
      connectMore()
      poller.wait(milliseconds: patience()) { key, interest in
        isDirty = true
        if key < Self.publisherKeys {
          subscriberIsReady(Int(key), interest)
        } else {
          publisherIsReady(Int(key - Self.publisherKeys), interest)
        }
      }
      let now = StampClock.now
      publishDue(now)
      post(now)
    }
  }

  private func follow(_ order: LoopOrder) {
    isDirty = true
    switch order {
    case .connectPublishers: connectPublishers()
    case .connect(let specs, let window):
      waiting = specs[...]
      self.window = window
    case .publish(let groups, let pace, let start): publish(groups, pace, start: start)
    case .stopPublishing: stopPublishing()
    case .begin(let phase):
      closeInterval(at: StampClock.now)
      self.phase = phase
      // Those of a storm are those of its own messages, not of what was published to be missed.
      result.acknowledgements = LatencyHistogram()
    case .finish(let committed): finish(committed)
    }
  }

  /// How long nothing has to be done if nothing comes, in milliseconds; -1 for as long as it takes.
  private func patience() -> Int32 {
    if !waiting.isEmpty, handshakes < window { return 0 }
    let now = StampClock.now
    var until = nextPublish() ?? UInt64.max
    if isDirty { until = min(until, lastPost + Self.postEvery) }
    if until == .max { return -1 }
    return until <= now ? 0 : Int32(min((until - now + 999_999) / 1_000_000, 1000))
  }

  // MARK: - State and results

  /// The run has gone on: giving up is counted from here.
  func progressed() { status.lastProgress = StampClock.now }

  private func post(_ now: UInt64) {
    guard isDirty, now >= lastPost + Self.postEvery else { return }
    isDirty = false
    lastPost = now
    status.received = intake.completeness.received
    status.gaps = intake.gaps
    let isQuiet = pace == nil && publishers.allSatisfy { $0.sentAt == 0 }
    status.quiet = isQuiet ? 1 : 0
    status.committed = pace == nil ? lastSeqs() : []
    let index = Int((now - target.start) / target.step)
    if index == intake.interval.index { port.post(status, nil) } else { closeInterval(at: now) }
  }

  private func closeInterval(at now: UInt64) {
    let closed = intake.interval
    result.latencies[phase.rawValue].merge(closed.latency)
    intake.interval = Interval(index: Int((now - target.start) / target.step))
    port.post(status, closed)
  }

  /// What was acknowledged, and what was received though no acknowledgement came.
  private func lastSeqs() -> [UInt64] {
    guard status.faults.total > 0 else { return committed }
    var last = committed
    for (number, subscriber) in subscribers.enumerated() {
      let first = subscriber.spec.group * target.plan.topicsEach
      for topic in 0..<target.plan.topicsEach {
        last[first + topic] = max(last[first + topic], intake.completeness.highest(subscriber: number, topic: topic))
      }
    }
    return last
  }

  private func finish(_ committed: [UInt64]) {
    closeInterval(at: StampClock.now)
    result.completeness = completeness(committed)
    result.faults = status.faults
    let unanswered = publishers.count { $0.sentAt != 0 }
    if unanswered > 0 { result.faults.add("publish: never answered", count: unanswered) }
    result.faults.merge(intake.faults)
    for subscriber in subscribers { subscriber.link?.shut() }
    for publisher in publishers { publisher.link?.shut() }
    port.finish(result)
    isFinished = true
  }

  private func completeness(_ committed: [UInt64]) -> CompletenessTotal {
    var total = CompletenessTotal()
    let topicsEach = target.plan.topicsEach
    for (number, subscriber) in subscribers.enumerated() where subscriber.isSubscribed {
      let first = subscriber.spec.group * topicsEach
      let topics = committed[first..<first + topicsEach]
      let missing = intake.completeness.missing(subscriber: number, committed: topics)
      total.expected += topics.reduce(0, +)
      total.missing += missing
      if missing > 0 { total.incompleteSubscribers += 1 }
    }
    total.received = intake.completeness.received
    total.duplicates = intake.completeness.duplicates
    total.disordered = intake.completeness.disordered
    total.gaps = intake.gaps
    return total
  }
}
