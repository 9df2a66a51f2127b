package import StreamStores
package import WireFormat

extension StoreRefusal {
  /// What a client is told.
  package func problem(key: String? = nil) -> Problem {
    switch self {
    case .preconditionFailed(let topic, let current): .preconditionFailed(topic: topic, current: current)
    case .keyTableFull: .keyTableFull(retryAfter: 5)
    case .keyReused: .idempotencyKeyReused(key ?? "")
    case .tooManyTopicsToRewind(let limit):
      .invalidParameter("rewind", "goes over more than \(limit) topics; use a narrower pattern, or since")
    case .unavailable(let reason): .storeUnavailable(reason: reason, retryAfter: 1)
    case .outcomeUnknown(let reason): .outcomeUnknown(reason: reason, retryAfter: 1)
    }
  }

  /// Whether coming back may help.
  var isTemporary: Bool {
    switch self {
    case .unavailable, .outcomeUnknown, .keyTableFull: true
    case .preconditionFailed, .keyReused, .tooManyTopicsToRewind: false
    }
  }
}
