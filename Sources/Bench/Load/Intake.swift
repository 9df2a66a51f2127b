/// Where everything goes that a loop's subscribers receive: one place, so that a message is a few additions.
struct Intake: ObjectTaker {
  private let payloadBytes: Int
  private let topicsEach: Int
  var completeness: Completeness
  var interval: Interval
  private(set) var gaps: UInt64 = 0
  private(set) var faults = FaultLog()

  // What the bytes at hand belong to.
  private var subscriber = 0
  private var firstTopic = 0
  private var now: UInt64 = 0
  private var recordsLatency = false
  /// Messages of these bytes.
  private(set) var taken = 0
  /// Whether a hello was among these bytes.
  private(set) var sawHello = false
  /// Whether a caught_up was among these bytes.
  private(set) var sawCaughtUp = false
  /// A reconnect or error that was among these bytes.
  private(set) var sentAway: String?

  init(_ plan: BenchPlan, interval: Interval) {
    payloadBytes = plan.payload.count
    topicsEach = plan.topicsEach
    completeness = Completeness(topicsEach: plan.topicsEach)
    self.interval = interval
  }

  /// What follows came to this subscriber, at this time.
  @inline(__always)
  mutating func begin(subscriber: Int, group: Int, recordsLatency: Bool, now: UInt64) {
    self.subscriber = subscriber
    firstTopic = group &* topicsEach
    self.recordsLatency = recordsLatency
    self.now = now
    taken = 0
    sawHello = false
    sawCaughtUp = false
  }

  @inline(__always)
  mutating func take(_ object: UnsafeRawBufferPointer) {
    guard case .message(let topic, let seq, let stamp) = DeliveredObject(object, payloadBytes: payloadBytes) else {
      return takeOther(object)
    }
    let place = topic &- firstTopic
    guard place >= 0, place < topicsEach else {
      return faults.add("a message of a topic that was not subscribed to")
    }
    taken &+= 1
    completeness.receive(subscriber: subscriber, topic: place, seq: seq)
    interval.deliveries &+= 1
    if recordsLatency, now > stamp { interval.latency.record(now &- stamp) }
  }

  @inline(never)
  private mutating func takeOther(_ object: UnsafeRawBufferPointer) {
    switch DeliveredObject(object, payloadBytes: payloadBytes) {
    case .control(.hello): sawHello = true
    case .control(.caughtUp): sawCaughtUp = true
    case .control(.gap): gaps += 1
    case .control(.reconnect), .control(.error):
      sentAway = "sent away: \(String(decoding: object.prefix(200), as: UTF8.self))"
    case .control: break
    case .message, .unreadable:
      faults.add("not understood: \(String(decoding: object.prefix(80), as: UTF8.self))")
    }
  }

  mutating func takeSentAway() -> String? {
    defer { sentAway = nil }
    return sentAway
  }
}
