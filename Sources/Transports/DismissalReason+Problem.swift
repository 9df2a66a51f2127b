import Delivery
import WireFormat

extension DismissalReason {
  /// What a request is told that waits for its answer while its subscriber is dismissed.
  var problem: Problem {
    switch self {
    case .memory: .cutOff(byOperator: false, retryAfter: 1)
    case .disconnected: .cutOff(byOperator: true, retryAfter: 1)
    case .draining(let milliseconds): .draining(retryAfter: (milliseconds + 999) / 1000)
    }
  }
}
