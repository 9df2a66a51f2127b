package import GatewayClient

/// Where to look, and how long.
package struct ExaminationPlan: Sendable {
  package var url: GatewayURL
  /// Whose `/health/accept` is asked; nil: nobody's.
  package var admin: GatewayURL?
  /// Sent as `Authorization: Bearer`.
  package var token: String?
  /// Of a page that is to use the gateway, as browsers send it.
  package var origin: String?
  /// Erased at the end, unless others have published there.
  package var topic: String
  package var publishes = true
  /// What to look at; the first, `reach`, always is.
  package var steps = Set(Step.allCases)
  /// How long connections are to stand silence; zero: that is not looked at.
  package var idle = Duration.seconds(75)
  /// How long to wait for what should come at once.
  package var patience = Duration.seconds(5)
  /// Fresh connections to come back on, for each transport, so that several nodes are met.
  package var connections = 3

  package init(url: GatewayURL, topic: String? = nil) {
    self.url = url
    self.topic = topic ?? "doctor.\(String(UInt32.random(in: .min ... .max), radix: 36))"
  }
}
