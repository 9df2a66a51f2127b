import FoundationEssentials
import GatewayClient
import HTTPSyntax
import WireFormat

extension ExaminationPlan {
  /// - Returns: what was measured; with a certificate that does not verify, the plan's own trust is given up for what
  ///   follows, unless there is a token.
  mutating func probeReach() async throws -> ReachMeasurement {
    var reach = ReachMeasurement(url: url)
    reach.now = Int64(Date().timeIntervalSince1970)
    reach.trial = try await ConnectionTrial.run(to: url, timeout: patience)
    if case .untrusted = reach.trial.failure {
      var lax = url
      lax.trust.verifies = false
      reach.unverified = try await ConnectionTrial.run(to: lax, timeout: patience)
      guard token == nil else {
        reach.stoppedForToken = true
        return reach
      }
      url = lax
    } else if reach.trial.failure != nil {
      return reach
    }
    let client = HTTPClient(connectTimeout: patience)
    reach.answer = try await negotiate(client)
    guard let negotiated = reach.negotiated else { return reach }
    try await measureGateway(&reach, negotiated, client)
    return reach
  }

  private func negotiate(_ client: HTTPClient?) async throws -> ReachMeasurement.Answer {
    var query = QueryString()
    query.add("topic", topic)
    switch try await exchange(.GET, query.appended(to: "/v1/negotiate"), client: client) {
    case .failure(let error): return .failed(error)
    case .success(let answer):
      if let refusal = answer.refusal { return .failed(.refused(refusal)) }
      if answer.status == 200, let negotiated = Negotiated(answer.bytes) { return .gateway(negotiated) }
      return .foreign(status: answer.status, location: answer.headers.first(name: "Location"))
    }
  }

  private func measureGateway(
    _ reach: inout ReachMeasurement, _ negotiated: Negotiated, _ client: HTTPClient
  ) async throws {
    let clock = ContinuousClock()
    for _ in 0..<3 {
      let began = clock.now
      _ = try await negotiate(client)
      reach.roundTrip = min(reach.roundTrip ?? .seconds(3600), clock.now - began)
    }
    reach.logs = [Self.log(of: negotiated.position)]
    for _ in 0..<connections + 1 {
      if case .gateway(let other) = try await negotiate(nil) { reach.logs.insert(Self.log(of: other.position)) }
    }
    if let offer = negotiated.offers.first, var given = try? GatewayURL(offer.url), given.authority != url.authority {
      given.trust = url.trust
      reach.advertisedFailure = try await ConnectionTrial.run(to: given, timeout: patience).failure
    }
    // A proxy may answer with a page of its own.
    let stats = try await ask(.GET, "/v1/admin/stats", client: client).value
    reach.showsAdmin = stats.flatMap { $0.status == 200 ? ReceivedObject($0.bytes) : nil }?.raw("draining") != nil
    if let admin {
      var ours = self
      ours.url = admin
      ours.token = nil
      let answer = try await ours.exchange(.GET, "/health/accept")
      reach.health = answer.map(\.status)
    }
  }

  /// What stands before the offset.
  private static func log(of position: String) -> String { String(position.prefix { $0 != "-" }) }
}
