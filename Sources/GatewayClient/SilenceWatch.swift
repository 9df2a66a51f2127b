import NIOCore

/// Notices that a peer has gone quiet for too long: no FIN comes from a machine that lost its power.
///
/// Confined to its event loop. Time in which we do not read ourselves (back-pressure) does not count.
final class SilenceWatch {
  private let eventLoop: any EventLoop
  private let onSilence: (TimeAmount) -> Void
  private var limit: TimeAmount?
  private var lastHeard: NIODeadline
  private var check: Scheduled<Void>?

  /// - Parameter onSilence: called once, with the limit, when nothing was heard for that long.
  init(eventLoop: any EventLoop, onSilence: @escaping (TimeAmount) -> Void) {
    self.eventLoop = eventLoop
    self.onSilence = onSilence
    lastHeard = eventLoop.now
  }

  /// Sets how long silence may last, from now on; nil for any time.
  func setLimit(_ limit: Duration?) {
    self.limit = limit.map { TimeAmount($0) }
    heard()
    check?.cancel()
    check = nil
    schedule()
  }

  /// Bytes came, or we begin to read again.
  func heard() { lastHeard = eventLoop.now }

  func stop() { setLimit(nil) }

  /// Whether we are willing to read; while not, silence is our own doing.
  var isReading = true {
    didSet { if isReading, !oldValue { heard() } }
  }

  private func schedule() {
    guard let limit else { return }
    check = eventLoop.assumeIsolated().scheduleTask(deadline: max(lastHeard, eventLoop.now - limit) + limit) {
      self.run()
    }
  }

  private func run() {
    guard let limit else { return }
    check = nil
    if !isReading { heard() }
    guard eventLoop.now - lastHeard >= limit else { return schedule() }
    self.limit = nil
    onSilence(limit)
  }
}

extension TimeAmount {
  /// "37.5 s", for a person.
  var inSeconds: String {
    let tenths = nanoseconds / 100_000_000
    return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
  }
}
