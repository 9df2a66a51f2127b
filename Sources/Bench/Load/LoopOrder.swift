import GatewayClient

/// What a loop is told to do.
enum LoopOrder: Sendable {
  case connectPublishers
  /// Connects subscribers, so many handshakes at a time.
  case connect([SubscriberSpec], window: Int)
  case publish(groups: Range<Int>, Pace, start: UInt64)
  case stopPublishing
  /// What is received from now on counts as the latencies of this part of the run.
  case begin(Phase)
  /// Closes everything and hands in the result; the last seq of every topic is known by now.
  case finish(committed: [UInt64])
}

/// When publishers publish.
enum Pace: Sendable {
  /// Each when its last message was acknowledged.
  case asAcknowledged
  /// Messages a second of all publishers of the run, and how many of them there are to be.
  case rate(Double, most: Int = .max)
  /// So many messages of all publishers of the run, as fast as acknowledged.
  case count(Int)
}

/// The parts of a run whose latencies are shown apart.
enum Phase: Int, Sendable, CaseIterable {
  case steady, storm
}

/// One subscriber to be.
struct SubscriberSpec: Sendable {
  var transport: StreamTransport
  var group: Int
  /// The position it resumes from; nil: from now on.
  var since: String?
  /// How many messages it has missed; its latencies are how long it takes to have them all. 0 for one that is live.
  var behind = 0
}
