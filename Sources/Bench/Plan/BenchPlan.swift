package import GatewayClient

/// What a run consists of.
package struct BenchPlan: Sendable {
  package enum Scenario: String, Sendable, CaseIterable {
    /// Subscribers are connected one after the other, then publishers publish.
    case fanOut = "fan-out"
    /// All subscribers connect at once.
    case connectStorm = "connect-storm"
    /// All subscribers come back at once, each the same number of messages behind.
    case resumeStorm = "resume-storm"
  }

  /// A subscription stands in a request line, which has 8 KiB by default.
  package static let mostTopicsEach = 200
  /// Topics are numbered with six digits.
  package static let mostTopics = 1_000_000
  package static let mostThreads = 64

  package var scenario: Scenario
  /// One for each subscriber.
  package var transports: [StreamTransport]
  package var publishers: Int
  /// Messages a second of all publishers; nil: each sends when its last message was acknowledged.
  package var rate: Double?
  package var payload: BenchPayload
  /// Topics of each subscriber.
  package var topicsEach: Int
  /// Subscribers are dealt to so many groups, each with topics of its own.
  package var groups: Int
  package var duration: Duration
  /// Loops that subscribers and publishers are dealt to.
  package var threads: Int
  /// resume-storm: how many messages each subscriber has missed.
  package var behind: Int
  /// resume-storm: subscribers that stay connected meanwhile, with topics of their own.
  package var live: Int

  package init(
    scenario: Scenario, transports: [StreamTransport], publishers: Int, rate: Double?, payloadBytes: Int,
    topicsEach: Int, groups: Int, duration: Duration, threads: Int, behind: Int, live: Int
  ) throws(PlanError) {
    guard payloadBytes >= BenchPayload.minimumBytes else {
      throw PlanError(
        "--payload must be at least \(BenchPayload.minimumBytes) bytes: it carries a time stamp and a number")
    }
    self.scenario = scenario
    self.transports = transports
    self.publishers = publishers
    self.rate = rate
    payload = BenchPayload(bytes: payloadBytes)
    self.topicsEach = topicsEach
    self.groups = groups
    self.duration = duration
    self.threads = threads
    self.behind = behind
    self.live = live
    try check()
  }

  private func check() throws(PlanError) {
    let most = TransportMix.mostSubscribers
    guard (0...most).contains(publishers), (0...most).contains(live) else {
      throw PlanError("--publishers and --live must be 0 to \(most)")
    }
    guard (1...Self.mostTopicsEach).contains(topicsEach) else {
      throw PlanError("--topics must be 1 to \(Self.mostTopicsEach): they all stand in one request line")
    }
    guard groups >= 1, allGroups * topicsEach <= Self.mostTopics else {
      throw PlanError("--groups must be at least 1, and groups × topics at most \(Self.mostTopics)")
    }
    guard (1...Self.mostThreads).contains(threads) else {
      throw PlanError("--threads must be 1 to \(Self.mostThreads)")
    }
    guard rate.map({ $0 > 0 && $0 <= 10_000_000 }) ?? true else {
      throw PlanError("--rate must be above 0; leave it out to publish as fast as acknowledgements come")
    }
    guard duration > .zero else { throw PlanError("--duration must be above 0") }
    switch scenario {
    case .fanOut where transports.isEmpty && publishers == 0:
      throw PlanError(
        "0 subscribers and 0 publishers leave nothing to do: with 0 subscribers publishing alone is measured, with 0 "
          + "publishers idle connections are held")
    case .fanOut: break
    case .connectStorm:
      guard !transports.isEmpty else { throw PlanError("a connect storm needs subscribers") }
    case .resumeStorm:
      guard !transports.isEmpty else { throw PlanError("a resume storm needs subscribers that come back") }
      guard publishers > 0 else { throw PlanError("a resume storm needs a publisher for what was missed") }
      guard behind >= 1 else { throw PlanError("--behind must be at least 1: nobody comes back to nothing missed") }
    }
    guard scenario == .resumeStorm || live == 0 else { throw PlanError("--live is for --scenario resume-storm") }
    guard groups <= max(transports.count, 1) || transports.isEmpty else {
      throw PlanError("--groups \(groups) is more than there are subscribers: some groups would have none")
    }
  }

  /// The groups of the subscribers, and one for those that stay live.
  package var allGroups: Int { groups + (live > 0 ? 1 : 0) }
  /// Live subscribers are in the last group.
  package var liveGroups: Range<Int> { groups..<allGroups }
  package var topicCount: Int { allGroups * topicsEach }

  /// Connections of a run when it is at its largest.
  package var connections: Int { transports.count + live + publishers }

  /// The topic that message number `index` of a run goes to, so that groups take turns, and topics within a group.
  @inline(__always)
  package func topic(ofMessage index: Int, in groups: Range<Int>) -> Int {
    (groups.lowerBound &+ index % groups.count) &* topicsEach &+ index / groups.count % topicsEach
  }
}
