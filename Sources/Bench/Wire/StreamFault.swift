/// What a gateway sent that breaks its own rules, or ends the connection.
package enum StreamFault: Error, Equatable, CustomStringConvertible {
  /// An HTTP answer that says no; its detail if it has one.
  case refused(status: Int, detail: String)
  /// A close frame; 1005 if it had no code.
  case closed(code: Int)
  /// The sentence says what.
  case malformed(String)
  /// A `reconnect` or `error` control.
  case sentAway(String)

  package var description: String {
    switch self {
    case .refused(let status, let detail): "refused with \(status): \(detail)"
    case .closed(let code): "closed by the gateway with code \(code)"
    case .malformed(let what): "not understood: \(what)"
    case .sentAway(let what): what
    }
  }
}
