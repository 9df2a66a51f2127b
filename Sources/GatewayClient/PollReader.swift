import NIOCore
import HTTPSyntax

/// Reads a stream by asking again and again; every answer says where the next begins.
final class PollReader: StreamReader {
  private var request: StreamRequest
  private let client: HTTPClient
  private var steps: ArraySlice<StreamStep> = []
  /// An answer brought nothing. Until then there is no point in waiting at the gateway.
  private var isCaughtUp = false

  /// Returns when the first poll, which does not wait, has been answered.
  init(_ request: StreamRequest, client: HTTPClient) async throws {
    self.request = request
    self.client = client
    try await poll(isFirst: true)
  }

  func next() async throws -> StreamStep {
    while true {
      if let step = steps.popFirst() { return step }
      try await poll(isFirst: false)
    }
  }

  private func poll(isFirst: Bool) async throws {
    let answer = try await ask(wait: isCaughtUp ? request.options.pollWait : 0)
    if let refusal = answer.refusal { throw GatewayClientError.refused(refusal) }
    guard answer.status == 200, let object = ReceivedObject(answer.bytes), let items = object.elements("items"),
      let next = object.string("next")
    else { throw GatewayClientError.notUnderstood("its answer to a poll is not {\"items\":[…],\"next\":…}") }

    var found: [StreamStep] = []
    if isFirst, request.since == nil {
      found.append(.item(.hello(StreamHello(id: next)), position: items.isEmpty ? next : nil))
    }
    found += try items.map { try StreamStep(Array($0)) }
    // What came last leaves the reader where the answer says, which may lie beyond it.
    if !items.isEmpty, case .item(let item, _) = found.last { found[found.count - 1] = .item(item, position: next) }
    if items.isEmpty {
      found.append(.item(isCaughtUp ? .heartbeat(id: next) : .caughtUp(id: next), position: next))
      isCaughtUp = true
    }
    request.since = next
    steps = found[...]
  }

  private func ask(wait: Int) async throws -> HTTPAnswer {
    let limit = request.options.pollLimit
    let timeout = Duration.seconds(wait + 15)
    let more = [("wait", "\(wait)")] + (limit.map { [("limit", "\($0)")] } ?? [])
    var headers: HTTPHeaders = ["Accept": "application/json"]
    let (url, hasTopics) = request.target(more)
    if hasTopics { return try await client.request(.GET, url, headers: headers, timeout: timeout) }
    headers.add(name: "Content-Type", value: "application/json")
    return try await client.request(
      .POST, url, headers: headers, body: ByteBuffer(string: "{\(request.members(more))}"), timeout: timeout)
  }
}
