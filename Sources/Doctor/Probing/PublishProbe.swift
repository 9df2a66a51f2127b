import GatewayClient

extension ExaminationPlan {
  func probePublish() async throws -> PublishMeasurement {
    guard publishes else { return .notAsked }
    let began = ContinuousClock.now
    switch try await publishNumbered("first") {
    case .success(let message): return .published(ContinuousClock.now - began, isFirst: message.seq == 1)
    case .failure(let error): return .failed(error)
    }
  }
}
