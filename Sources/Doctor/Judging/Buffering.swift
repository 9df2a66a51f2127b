package import GatewayClient

/// How streams come: at once, or in heaps.
package struct BufferingMeasurement: Sendable {
  package struct Stream: Sendable {
    package var transport: StreamTransport
    /// From asking to the answer's head, and to the hello.
    package var opened: Duration?
    package var hello: Duration?
    /// From publishing to arrival.
    package var arrival: Duration?
    /// The message came only when more bytes came behind it.
    package var cameWithMore = false
    /// The gateway itself asked to come back later.
    package var wasSentAway = false
    /// It came when the stream ended or not at all.
    package var failure: GatewayClientError?
    /// How somebody on the way encodes it for those who accept gzip, as browsers do; and whether it began at once all
    /// the same.
    package var contentEncoding: String?
    package var beginsCompressed = true

    package init(transport: StreamTransport) { self.transport = transport }
  }

  package var streams: [Stream]
  package var roundTrip: Duration
  /// How long was waited for what should come at once.
  package var patience: Duration
  package var hasPublished: Bool

  package init(streams: [Stream], roundTrip: Duration, patience: Duration, hasPublished: Bool) {
    self.streams = streams
    self.roundTrip = roundTrip
    self.patience = patience
    self.hasPublished = hasPublished
  }
}

extension BufferingMeasurement {
  /// What comes later than this was held up: a few round trips, and what a busy machine may take.
  package var prompt: Duration { .seconds(1) + roundTrip * 4 }

  package var findings: [Finding] { streams.flatMap { [finding($0), compression($0)].compactMap { $0 } } }

  private func finding(_ stream: Stream) -> Finding {
    let name = stream.transport.rawValue
    func problem(_ measured: String, _ cause: String, _ remedies: [Remedy] = .buffering, mark: Mark = .problem)
      -> Finding
    {
      Finding(.buffering, mark, "\(name): \(measured)", cause: cause, remedies, transport: stream.transport)
    }
    if stream.wasSentAway {
      return problem(
        "the gateway asked to come back later", "it is full, or is being drained",
        [.you("see /health/ready and /health/accept on its admin listener")], mark: .warning)
    }
    guard let hello = stream.hello else {
      switch stream.failure {
      case nil, .timedOut:
        return problem(
          stream.opened == nil
            ? "nothing came for \(patience.words), not even the answer's head"
            : "the answer began, and nothing of the stream came for \(patience.words)",
          "a proxy keeps back what it gets until a buffer is full or the answer ends")
      case let error?:
        return problem(
          "it was \(error.words)",
          error.isGateways ? "the gateway refuses it" : "a proxy refuses it, cuts it off, or answers in its place",
          error.isGateways
            ? [.you(error.description)] : [.you("let GET /v1/stream with every Accept through to the gateway")])
      }
    }
    let start = "hello after \(hello.words)"
    guard hasPublished else {
      return hello > prompt
        ? problem("\(start)", "something on the way holds the first bytes up", mark: .warning)
        : Finding(.buffering, .ok, "\(name): \(start)", transport: stream.transport)
    }
    guard let arrival = stream.arrival else {
      if let failure = stream.failure {
        return problem(
          "it was \(failure.words) before a message arrived", "a proxy ends answers that go on", .idle)
      }
      return problem(
        stream.cameWithMore
          ? "\(start), but a message came only when 16 KB more came behind it"
          : "\(start), but a message did not come for \(patience.words)",
        "a proxy keeps back what it gets until a buffer is full or the answer ends")
    }
    let measured = "\(start), a message \(arrival.words) after it was published"
    if max(hello, arrival) > prompt {
      return problem(measured, "something on the way holds bytes up", mark: .warning)
    }
    return Finding(.buffering, .ok, "\(name): \(measured)", transport: stream.transport)
  }

  private func compression(_ stream: Stream) -> Finding? {
    guard let encoding = stream.contentEncoding else { return nil }
    return Finding(
      .buffering, stream.beginsCompressed ? .warning : .problem,
      "\(stream.transport.rawValue): with Accept-Encoding: gzip, as browsers send, it comes as \(encoding)"
        + (stream.beginsCompressed ? "" : ", and nothing of it for \(patience.words)"),
      cause: "a proxy compresses streams, which takes bytes together before it lets them go",
      [
        .nginx("gzip off; or text/event-stream and application/x-ndjson out of gzip_types"),
        .haproxy("compression type without text/event-stream and application/x-ndjson"),
      ],
      transport: stream.transport)
  }
}
