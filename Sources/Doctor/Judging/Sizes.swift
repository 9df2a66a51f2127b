package import GatewayClient
import WireFormat

/// Whether large requests get through.
package struct SizesMeasurement: Sendable {
  package struct Try: Sendable {
    package enum Kind: Sendable, Hashable {
      /// A POST that reads, with a long list of topics.
      case topics
      /// A POST that publishes many messages at once.
      case batch
      /// A request line with a list of topics, as an EventSource has it.
      case target
    }

    package var kind: Kind
    package var bytes: Int
    /// nil: it arrived, whatever the gateway thinks of it.
    package var failure: GatewayClientError?

    package init(kind: Kind, bytes: Int, failure: GatewayClientError? = nil) {
      self.kind = kind
      self.bytes = bytes
      self.failure = failure
    }
  }

  package var tries: [Try]

  package init(tries: [Try]) { self.tries = tries }
}

extension SizesMeasurement {
  package var findings: [Finding] { tries.map(finding) }

  /// What the gateway says of what is more than it takes.
  private static let limits: Set<Problem.Code> = [
    .tooManyTopics, .tooManyPatterns, .tooManyItems, .bodyTooLarge, .messageTooLarge, .uriTooLong, .headersTooLarge,
  ]
  /// What a proxy says of other things.
  private static let elsewise: Set = [401, 403, 404, 405]

  private func finding(_ one: Try) -> Finding {
    let size = one.bytes < 10_000 ? "\(one.bytes) bytes" : "\(one.bytes / 1000) KB"
    let what =
      switch one.kind {
      case .topics: "a list of topics of \(size) in a body"
      case .batch: "a batch of \(size)"
      case .target: "a URL of \(size)"
      }
    guard let failure = one.failure else {
      return Finding(.sizes, .ok, "\(what) gets through")
    }
    if let code = failure.code, Problem.Code(rawValue: code).map(Self.limits.contains) == true {
      return Finding(.sizes, .ok, "\(what) gets through, and is above the gateway's own limit (\(code))")
    }
    if failure.isGateways || failure.status.map(Self.elsewise.contains) == true {
      return Finding(.sizes, .skipped, "\(what) was \(failure.words), which says nothing of its size")
    }
    switch one.kind {
    case .topics, .batch:
      return Finding(
        // Batches are for backends, which seldom come this way; readers must get in.
        .sizes, one.kind == .topics ? .problem : .warning, "\(what) was \(failure.words)",
        cause: "a proxy limits bodies below the gateway's limits.batch_bytes (8MiB)",
        [
          .nginx("client_max_body_size 8m;"), .haproxy("no http-request deny on req.body_size or content-length"),
        ])
    case .target where failure.status == 502:
      return Finding(
        .sizes, .warning, "\(what) was \(failure.words)",
        cause: "a poll's answer repeats its URL (Link), and a proxy takes heads only up to a size below that",
        [
          .nginx("proxy_buffer_size 16k; proxy_buffers 8 16k;"), .haproxy("tune.bufsize 32768 in global"),
        ])
    case .target:
      return Finding(
        .sizes, one.bytes > 4096 ? .warning : .problem, "\(what) was \(failure.words)",
        cause: "a proxy limits request lines below the gateway's limits.request_line_bytes (8KiB)",
        [
          .nginx("large_client_header_buffers 4 16k;"), .haproxy("tune.bufsize 32768 in global"),
          .you("or subscribe to patterns instead of long lists, or send them as a body: POST /v1/stream"),
        ])
    }
  }
}
