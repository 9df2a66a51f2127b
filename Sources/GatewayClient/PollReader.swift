import NIOCore
import HTTPSyntax

/// Reads a stream by asking again and again; every answer says where the next begins.
final class PollReader: StreamReader {
  private var request: StreamRequest
  private let client: HTTPClient
  private let limit: SharedPageLimit
  private var steps: ArraySlice<StreamStep> = []
  /// An answer brought nothing. Until then there is no point in waiting at the gateway.
  private var isCaughtUp = false

  /// Returns when the first poll, which does not wait, has been answered.
  ///
  /// - Parameter limit: how many messages an answer may bring. This reader reports the pages that arrive; the caller
  ///   reports an answer that was cut, which ends this reader.
  init(_ request: StreamRequest, client: HTTPClient, limit: SharedPageLimit) async throws {
    self.request = request
    self.client = client
    self.limit = limit
    try await poll(isFirst: true)
  }

  func next() async throws -> StreamStep {
    while true {
      if let step = steps.popFirst() { return step }
      try await poll(isFirst: false)
    }
  }

  private func poll(isFirst: Bool) async throws {
    let page = try await page(wait: isCaughtUp ? request.options.pollWait : 0)
    let (items, next) = (page.items, page.next)

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

  private func page(wait: Int) async throws -> MessagePage {
    while true {
      do {
        let page = try await ask(wait: wait)
        limit.arrived(page.items.count)
        return page
      } catch GatewayClientError.refused(let refusal) where refusal.isOfLimit && limit.refused() {
        // The operator's pages are smaller than the default: ask for less at once.
        continue
      }
    }
  }

  private func ask(wait: Int) async throws -> MessagePage {
    let timeout = Duration.seconds(wait + 15)
    let more = [("wait", "\(wait)")] + (limit.current.map { [("limit", "\($0)")] } ?? [])
    var headers: HTTPHeaders = ["Accept": "application/json"]
    let (url, hasTopics) = request.target(more)
    if hasTopics { return try await client.page(.GET, url, headers: headers, timeout: timeout) }
    headers.add(name: "Content-Type", value: "application/json")
    return try await client.page(
      .POST, url, headers: headers, body: ByteBuffer(string: "{\(request.members(more))}"), timeout: timeout)
  }
}
