import Configuration
import Gateway
import Logging
import StreamLog
import StreamStores
import WireFormat

/// A gateway in this process, on real sockets, for one test.
struct TestGateway: Sendable {
  let gateway: Gateway
  let url: String
  let adminURL: String

  /// One call on a connection of its own.
  func call(
    _ method: String, _ target: String, headers: [(String, String)] = [], body: String? = nil
  ) async throws -> Answer {
    try await HTTPWire.connect(to: url).call(method, target, headers: headers, body: body)
  }

  func admin(_ method: String, _ target: String, body: String? = nil) async throws -> Answer {
    try await HTTPWire.connect(to: adminURL).call(method, target, body: body)
  }

  // MARK: Publishing without a socket

  /// Publishes JSON values to a topic, as one batch. - Returns: their ids.
  @discardableResult
  func publish(_ topic: String, _ values: [String]) async throws -> [String] {
    let topic = try TopicName(topic)
    let items = values.map { PublishItem(topics: [topic], draft: MessageDraft(kind: .json, data: Array($0.utf8))) }
    return try await withCheckedThrowingContinuation { continuation in
      gateway.store.append(items, publisher: "") { outcomes in
        continuation.resume(
          with: Result {
            try outcomes.map { outcome in
              guard case .committed(let published) = outcome else { throw Silence(description: "\(outcome)") }
              return published[0].id.description
            }
          })
      }
    }
  }

  @discardableResult
  func publish(_ topic: String, _ value: String = "0") async throws -> String { try await publish(topic, [value])[0] }

  /// Publishes numbers, in batches. - Returns: the last id.
  @discardableResult
  func publish(_ topic: String, _ numbers: ClosedRange<Int>) async throws -> String {
    var last = ""
    var next = numbers.lowerBound
    while next <= numbers.upperBound {
      let through = min(next + 999, numbers.upperBound)
      last = try await publish(topic, (next...through).map { "\($0)" }).last ?? last
      next = through + 1
    }
    return last
  }

  /// The log's head, as a position.
  var head: String { gateway.store.tape.lineage.position(gateway.store.tape.head).description }

  /// What stands at an offset, as an id.
  func id(_ offset: Offset) -> String { gateway.store.tape.lineage.position(offset).description }

  /// More commits than the node's tape holds, on a topic of nobody's.
  func passTheTape() async throws { try await publish("filler", 1...8300) }

  /// One sample of `/metrics`.
  func metric(_ name: String) async throws -> Double {
    try PrometheusText(try await admin("GET", "/metrics").text).value(name)
  }
}

/// Starts a gateway on free ports, and stops it whatever happens.
func withGateway<Result>(
  _ change: (inout GatewayConfiguration) -> Void = { _ in }, _ body: (TestGateway) async throws -> Result
) async throws -> Result {
  var configuration = GatewayConfiguration()
  configuration.listen = ListenAddress(host: "127.0.0.1", port: 0)
  configuration.admin = ListenAddress(host: "127.0.0.1", port: 0)
  change(&configuration)
  let gateway = try await Gateway.start(
    configuration, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
  do {
    let result = try await body(
      TestGateway(gateway: gateway, url: gateway.url ?? "", adminURL: gateway.adminURL ?? ""))
    await gateway.stop()
    return result
  } catch {
    await gateway.stop()
    throw error
  }
}

/// Asks again until it holds.
func eventually(
  within limit: Duration = .seconds(30), _ what: String = "a condition", _ holds: () async throws -> Bool
) async throws {
  let start = ContinuousClock.now
  while try await !holds() {
    guard ContinuousClock.now - start < limit else {
      throw Silence(description: "\(what) did not come within \(limit)")
    }
    try await Task.sleep(for: .milliseconds(5))
  }
}
