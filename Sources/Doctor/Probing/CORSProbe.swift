import GatewayClient
import HTTPSyntax

extension ExaminationPlan {
  /// - Parameter triesWebSocket: one opens without an origin.
  func probeCORS(origin: String, triesWebSocket: Bool) async throws -> CORSMeasurement {
    let own = origin.lowercased() == url.origin.lowercased()
    var cors = CORSMeasurement(origin: origin, isOwn: own)
    cors.hasToken = token != nil
    guard !own else { return cors }
    cors.actual = Self.answer(try await exchange(.GET, "/v1/negotiate", headers: ["Origin": origin]))
    // Browsers send no token with a preflight.
    var stranger = self
    stranger.token = nil
    cors.preflight = Self.answer(
      try await stranger.exchange(
        .OPTIONS, "\(GatewayCalls.path(ofTopic: topic))/messages",
        headers: [
          "Origin": origin, "Access-Control-Request-Method": "POST",
          "Access-Control-Request-Headers": cors.sent.joined(separator: ", "),
        ]))
    if triesWebSocket {
      let tap = StreamTap(.websocket, self, headers: ["Origin": origin])
      defer { tap.breakOff() }
      // The handshake has a limit of its own.
      let record = try await tap.wait(patience * 3) { $0.opened != nil }
      if record.opened == nil { cors.webSocketFailure = record.end?.why ?? .timedOut("no answer to the handshake") }
    }
    return cors
  }

  private static func answer(_ result: Result<HTTPAnswer, GatewayClientError>) -> CORSMeasurement.Answer {
    var answer = CORSMeasurement.Answer()
    switch result {
    case .failure(let error): answer.failure = error
    case .success(let whole):
      answer.status = whole.status
      answer.code = whole.refusal?.code
      answer.allowOrigin = whole.headers["Access-Control-Allow-Origin"]
      answer.allowHeaders = whole.headers.first(name: "Access-Control-Allow-Headers")
      answer.exposeHeaders = whole.headers.first(name: "Access-Control-Expose-Headers")
    }
    return answer
  }
}
