/// A rule between several settings, each of which is good by itself.
struct ConfigurationRule: Sendable {
  /// Whose values it compares; it is judged only if all of them could be read.
  let paths: [String]
  let advice: String
  let holds: @Sendable (GatewayConfiguration) -> Bool

  static let all: [ConfigurationRule] = [
    ConfigurationRule(paths: ["admin", "listen"], advice: "give each its own port") {
      $0.admin != $0.listen || $0.listen.port == 0
    },
    ConfigurationRule(
      paths: ["limits.message_bytes", "limits.memory"], advice: "a message may take a sixteenth"
    ) { $0.limits.messageBytes <= $0.limits.memory / 16 },
    ConfigurationRule(paths: ["reconnect.min", "reconnect.max"], advice: "min must not be longer than max") {
      $0.reconnect.min <= $0.reconnect.max
    },
    ConfigurationRule(
      paths: ["drain.window", "drain.timeout"], advice: "the timeout must not cut the window"
    ) { $0.drain.window <= $0.drain.timeout },
  ]
}
