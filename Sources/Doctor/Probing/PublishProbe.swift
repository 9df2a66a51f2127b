import GatewayClient

extension ExaminationPlan {
  func probePublish() async throws -> PublishMeasurement {
    guard publishes else { return .notAsked }
    let began = ContinuousClock.now
    switch try await publish("first") {
    case .success: return .published(ContinuousClock.now - began)
    case .failure(let error): return .failed(error)
    }
  }
}
