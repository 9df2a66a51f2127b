import GatewayClient
import HTTPSyntax
import WireFormat

extension ExaminationPlan {
  /// Whether nobody's messages are in the topic, so that all that is there at the end is ours; false if that is not told.
  func holdsNothing() async throws -> Bool {
    switch try await ask(.GET, GatewayCalls.path(ofTopic: topic)) {
    case .success(let answer): ReceivedObject(answer.bytes)?.integer("messages") == 0
    case .failure(let error): error.status == 404 && error.isGateways
    }
  }

  func probePublish(isOurs: Bool) async throws -> PublishMeasurement {
    let began = ContinuousClock.now
    switch try await publish("first") {
    case .success: return .published(ContinuousClock.now - began, isOurs: isOurs)
    case .failure(let error): return .failed(error)
    }
  }
}
