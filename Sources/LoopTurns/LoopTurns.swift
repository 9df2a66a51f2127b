package import NIOCore

/// The work of one event loop that goes on turn by turn, with the sockets served between two turns. Confined to its
/// loop.
///
/// A loop handles every socket that is ready and then runs tasks until none is due, those too that became due
/// meanwhile. So one task that schedules itself again a little later lets the sockets come between, but not if other
/// tasks come as well: each runs long enough for the next to be due, and no socket is looked at for as long as that
/// goes on. Everything that goes on by itself on a loop, the hub's bursts and pages, storms of requests and of new
/// connections, takes its turns here; and a turn begins with an event on a descriptor (`ring`), which cannot come before
/// the sockets had theirs.
package final class LoopTurns {
  /// Makes the loop call `run` when it next looks at its descriptors; without it a task does, a little later.
  package var ring: (() -> Void)?
  private let eventLoop: any EventLoop
  private var waiting: [() -> Void] = []
  private var isRung = false

  private static let delay = TimeAmount.microseconds(20)

  package init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

  /// Runs `work` once, in the next turn; from inside a turn, in the one after it.
  package func next(_ work: @escaping () -> Void) {
    waiting.append(work)
    if !isRung { requestTurn() }
  }

  private func requestTurn() {
    isRung = true
    if let ring { ring() } else { eventLoop.assumeIsolated().scheduleTask(in: Self.delay) { self.run() } }
  }

  /// The turn.
  package func run() {
    guard isRung else { return }
    let works = waiting
    waiting = []
    for work in works { work() }
    isRung = false
    if !waiting.isEmpty { requestTurn() }
  }
}
