import Bench
import Synchronization

/// A line a second on standard error while a bench runs; on a terminal always the same one.
final class BenchProgressLine: Sendable {
  private let isShown = Atomic(false)

  func show(_ progress: BenchProgress) {
    var text = "\(progress.seconds) s  \(progress.stage)  \(Quantity.count(progress.subscribed)) connected"
    if progress.publishesPerSecond > 0 { text += "  \(Quantity.count(progress.publishesPerSecond)) publishes/s" }
    if progress.deliveriesPerSecond > 0 { text += "  \(Quantity.count(progress.deliveriesPerSecond)) deliveries/s" }
    if let latency = progress.latency {
      let p50 = Quantity.time(nanoseconds: latency.p50)
      text += "  p50 \(p50)  p99 \(Quantity.time(nanoseconds: latency.p99))"
    }
    if progress.errors > 0 { text += "  \(progress.errors) errors" }
    guard StandardError.isTerminal else { return StandardError.line(text) }
    isShown.store(true, ordering: .relaxed)
    StandardError.progress(text)
  }

  /// Takes the line away, so that the report begins where it was.
  func end() {
    if isShown.exchange(false, ordering: .relaxed) { StandardError.progress("") }
  }
}
