import Locking
import Synchronization

/// Between a loop and whoever directs it: orders in, state and results out.
final class LoopPort: Sendable {
  private struct State {
    var orders: [LoopOrder] = []
    var status = LoopStatus()
    var intervals: [Interval] = []
    var result: LoopResult?
  }

  let waker: Waker
  private let state = Guarded(State())

  init() throws(PlanError) { waker = try Waker() }

  // For who directs.

  func send(_ order: LoopOrder) {
    state.withLock { $0.orders.append(order) }
    waker.wake()
  }

  var status: LoopStatus { state.withLock { $0.status } }

  func takeIntervals() -> [Interval] {
    state.withLock { state in
      defer { state.intervals = [] }
      return state.intervals
    }
  }

  var result: LoopResult? { state.withLock { $0.result } }

  // For the loop.

  func takeOrders() -> [LoopOrder] {
    state.withLock { state in
      defer { state.orders = [] }
      return state.orders
    }
  }

  func post(_ status: LoopStatus, _ interval: Interval?) {
    state.withLock { state in
      state.status = status
      if let interval { state.intervals.append(interval) }
    }
  }

  func finish(_ result: LoopResult) { state.withLock { $0.result = result } }
}
