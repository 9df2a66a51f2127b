/// Why there is no reply, or none that says what was wanted. The texts say what happened, to whom, and what to do.
package enum RedisError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The server's own error, its whole text: `NOSCRIPT …`, `OOM …`, `READONLY …`.
  case server(String)
  /// There was no connection, or the command was not written to it: it was certainly not carried out.
  case unreachable(String)
  /// The command was written, wholly or in part, and the connection ended before its reply: nobody knows whether it was
  /// carried out.
  case lost(String)
  /// It cannot work like this, now or later: a wrong password, a certificate that nobody vouches for, a database that
  /// does not exist.
  case misconfigured(String)

  package var description: String {
    switch self {
    case .server(let text), .unreachable(let text), .lost(let text), .misconfigured(let text): text
    }
  }

  /// The first word of a server's error: `NOSCRIPT`.
  package var code: Substring? {
    if case .server(let text) = self { text.prefix { $0 != " " } } else { nil }
  }
}
