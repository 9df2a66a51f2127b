import Locking
import RedisClient
import Synchronization

/// Counts what became of commands: each must have one outcome.
final class Outcomes: Sendable {
  struct Counts: Sendable, Equatable {
    var answered = 0
    var lost = 0
    var unreachable = 0
    var others = 0
    /// Commands that had a second outcome.
    var twice = 0
    /// Replies that came out of order.
    var disorder = 0

    var all: Int { answered + lost + unreachable + others }
  }

  private struct State {
    var counts = Counts()
    var seen: Set<Int> = []
    var last = -1
  }

  private let state = Guarded(State())

  func take(_ outcome: RedisConnection.Outcome, of command: Int) {
    state.withLock { state in
      if !state.seen.insert(command).inserted { state.counts.twice += 1 }
      if command < state.last { state.counts.disorder += 1 }
      state.last = command
      switch outcome {
      case .success: state.counts.answered += 1
      case .failure(.lost): state.counts.lost += 1
      case .failure(.unreachable): state.counts.unreachable += 1
      case .failure: state.counts.others += 1
      }
    }
  }

  var counts: Counts { state.withLock { $0.counts } }

  /// Waits until the counts are so.
  func wait(until isSo: (Counts) -> Bool) async throws -> Counts {
    while true {
      let counts = counts
      if isSo(counts) { return counts }
      try await Task.sleep(for: .milliseconds(2))
    }
  }
}
