import GatewayClient
import NIOCore
import HTTPSyntax
import WireFormat

/// Requests as a client of the plan sends them. What goes wrong is a result: only `CancellationError` is thrown.
extension ExaminationPlan {
  var credentials: HTTPHeaders { token.map { ["Authorization": "Bearer \($0)"] } ?? [:] }

  /// - Parameters:
  ///   - target: a path with its query, below the plan's URL.
  ///   - client: nil: a connection of its own.
  /// - Returns: an answer below 400, or a `GatewayClientError`.
  func ask(
    _ method: HTTPMethod, _ target: String, headers: HTTPHeaders = [:], body: String? = nil, client: HTTPClient? = nil,
    timeout: Duration? = nil
  ) async throws -> Result<HTTPAnswer, GatewayClientError> {
    switch try await exchange(method, target, headers: headers, body: body, client: client, timeout: timeout) {
    case .success(let answer): answer.refusal.map { .failure(.refused($0)) } ?? .success(answer)
    case .failure(let error): .failure(error)
    }
  }

  /// The same, with whatever answer there is.
  func exchange(
    _ method: HTTPMethod, _ target: String, headers: HTTPHeaders = [:], body: String? = nil, client: HTTPClient? = nil,
    timeout: Duration? = nil
  ) async throws -> Result<HTTPAnswer, GatewayClientError> {
    var all = credentials
    all.add(contentsOf: headers)
    do {
      return .success(
        try await (client ?? HTTPClient()).request(
          method, url.appending(target), headers: all, body: body.map { ByteBuffer(string: $0) },
          timeout: timeout ?? patience * 2))
    } catch let error as GatewayClientError {
      return .failure(error)
    }
  }

  /// - Parameter padding: bytes that the message is made longer by.
  /// - Returns: the message's id.
  func publish(_ label: String, padding: Int = 0) async throws -> Result<String, GatewayClientError> {
    let filling = padding > 0 ? ",\"filling\":\"\(String(repeating: "x", count: padding))\"" : ""
    return try await ask(
      .POST, "\(GatewayCalls.path(ofTopic: topic))/messages", headers: ["Content-Type": "application/json"],
      body: "{\"doctor\":\"\(label)\"\(filling)}"
    ).flatMap { answer in
      guard let id = ReceivedObject(answer.bytes)?.string("id") else {
        return .failure(.notUnderstood("its answer to a message has no id"))
      }
      return .success(id)
    }
  }

  /// Takes back what was published, if the gateway lets us.
  func erase() async throws { _ = try await ask(.DELETE, GatewayCalls.path(ofTopic: topic), timeout: .seconds(2)) }
}

extension Result where Failure == GatewayClientError {
  var failure: GatewayClientError? { if case .failure(let error) = self { error } else { nil } }
  var value: Success? { if case .success(let value) = self { value } else { nil } }
}

/// The value, or nil when it takes longer.
func within<Value: Sendable>(
  _ limit: Duration, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value? {
  try await withThrowingTaskGroup(of: Value?.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await Task.sleep(for: limit)
      return nil
    }
    defer { group.cancelAll() }
    return try await group.next() ?? nil
  }
}
