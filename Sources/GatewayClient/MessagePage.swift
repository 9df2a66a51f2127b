import HTTPSyntax
import NIOCore
import WireFormat

/// One page of messages and gaps: a poll's answer, or a page of a topic's history.
package struct MessagePage: Sendable {
  private static let beginning = Array(#"{"items":["#.utf8)

  /// The encoded objects in order.
  package var items: [ArraySlice<UInt8>]
  /// The `since` of the next page.
  package var next: String

  /// - Throws: `GatewayClientError`: `answerCut` if the body begins as a page and does not end as one, `notUnderstood`
  ///   if it is not a page.
  init(_ answer: HTTPAnswer) throws(GatewayClientError) {
    let bytes = answer.bytes
    guard answer.status == 200, let object = ReceivedObject(bytes), let items = object.elements("items"),
      let next = object.string("next")
    else {
      // The end of the connection ends a body without a length (RFC 9112 section 6.3), so only the JSON shows that it is
      // incomplete.
      if answer.status == 200, ReceivedObject(bytes) == nil, bytes.starts(with: Self.beginning) {
        throw .answerCut("after \(bytes.count) bytes: it ends within its JSON")
      }
      throw .notUnderstood("its answer is not {\"items\":[…],\"next\":…}")
    }
    self.items = items
    self.next = next
  }
}

extension HTTPStreamAnswer {
  /// Reads the rest of a page.
  ///
  /// - Throws: `GatewayClientError`: `refused` for an answer of 400 or more; `answerCut` if the connection or the time
  ///   ended before the page did.
  func collectPage() async throws -> MessagePage {
    var body = ByteBuffer()
    do {
      try await collect(into: &body)
    } catch let error as GatewayClientError where error.isTemporary && status < 400 {
      let why =
        switch error {
        case .connectionLost(let why), .timedOut(let why): why
        default: error.description
        }
      throw GatewayClientError.answerCut("after \(body.readableBytes) bytes: \(why)")
    }
    let answer = HTTPAnswer(status: status, headers: headers, body: body)
    if let refusal = answer.refusal { throw GatewayClientError.refused(refusal) }
    return try MessagePage(answer)
  }
}

extension GatewayCalls {
  /// Asks for one page of messages at `target`, a path with its query below the base.
  ///
  /// - Throws: `GatewayClientError`: `refused` for an answer of 400 or more, `answerCut` for a page that began and did
  ///   not arrive whole; `CancellationError`.
  package func page(_ target: String, timeout: Duration = .seconds(30)) async throws -> MessagePage {
    try await client.page(.GET, base.appending(target), timeout: timeout)
  }
}
