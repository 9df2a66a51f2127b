import GatewayClient
import HTTPSyntax

extension ExaminationPlan {
  /// Above 1 MB, which nginx allows if nothing else is said.
  private static let batchBytes = 1_500_000
  private static let topicCount = 900

  func probeSizes() async throws -> SizesMeasurement {
    let filler = String(repeating: "x", count: 48)
    let names = (0..<Self.topicCount).map { "\"doctor.\(filler).\($0)\"" }.joined(separator: ",")
    let list = "{\"topics\":[\(names)],\"wait\":0}"
    // Nothing is published: it is white space.
    let batch = "{\"messages\":[]\(String(repeating: " ", count: Self.batchBytes))}"
    let json = ("Content-Type", "application/json")
    var tries = [
      SizesMeasurement.Try(
        kind: .topics, bytes: list.utf8.count,
        failure: try await ask(.POST, "/v1/stream", headers: [json.0: json.1], body: list).failure),
      SizesMeasurement.Try(
        kind: .batch, bytes: batch.utf8.count,
        failure: try await ask(.POST, "/v1/publish", headers: [json.0: json.1], body: batch, timeout: .seconds(30))
          .failure),
    ]
    for bytes in [4000, 7500] {
      var target = "/v1/stream?wait=0"
      while target.utf8.count < bytes - 60 { target += "&topic=doctor.\(filler)" }
      tries.append(
        SizesMeasurement.Try(kind: .target, bytes: target.utf8.count, failure: try await ask(.GET, target).failure))
    }
    return SizesMeasurement(tries: tries)
  }
}
