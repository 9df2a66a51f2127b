package import GatewayClient

/// What a deployment is looked at for, in this order.
package enum Step: String, Sendable, CaseIterable {
  case reach, upgrade, publish, buffering, polling, idle, http2, cors, resume, sizes
}

/// How something was found.
package enum Mark: String, Sendable, CaseIterable {
  case ok
  /// It works, and not as well as it could.
  case warning
  case problem
  /// Not looked at; what was measured says why.
  case skipped
}

/// One thing that was found, in words for the person who can mend it.
package struct Finding: Sendable, Hashable {
  package var step: Step
  package var mark: Mark
  /// What was measured: a sentence without a full stop.
  package var measured: String
  /// What the network in between most likely does.
  package var cause: String?
  package var remedies: [Remedy]
  /// The one this is about; nil: all, or none.
  package var transport: StreamTransport?

  package init(
    _ step: Step, _ mark: Mark, _ measured: String, cause: String? = nil, _ remedies: [Remedy] = [],
    transport: StreamTransport? = nil
  ) {
    self.step = step
    self.mark = mark
    self.measured = measured
    self.cause = cause
    self.remedies = remedies
    self.transport = transport
  }
}

/// A line to put somewhere.
package struct Remedy: Sendable, Hashable {
  package enum Place: String, Sendable {
    case nginx
    case haproxy
    /// The gateway's own settings.
    case sluice
    /// Whoever is at the keyboard.
    case you
  }

  package var place: Place
  package var line: String

  package static func nginx(_ line: String) -> Remedy { Remedy(place: .nginx, line: line) }
  package static func haproxy(_ line: String) -> Remedy { Remedy(place: .haproxy, line: line) }
  package static func sluice(_ line: String) -> Remedy { Remedy(place: .sluice, line: line) }
  package static func you(_ line: String) -> Remedy { Remedy(place: .you, line: line) }
}
