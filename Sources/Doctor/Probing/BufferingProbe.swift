import GatewayClient
import NIOCore
import HTTPSyntax

extension ExaminationPlan {
  /// So much more may push out what a proxy keeps back.
  private static let push = 16 << 10

  /// - Parameter transports: those that open, of websocket, sse and ndjson.
  func probeBuffering(
    _ transports: [StreamTransport], roundTrip: Duration, publishes: Bool
  ) async throws -> BufferingMeasurement {
    let taps = transports.map { StreamTap($0, self) }
    defer { for tap in taps { tap.breakOff() } }
    async let encodings = probeEncodings(transports.filter { $0 != .websocket })
    try await taps.wait(patience) { $0.first("hello") != nil }
    var streams = taps.map { tap in
      var stream = BufferingMeasurement.Stream(transport: tap.transport)
      stream.opened = tap.record.opened
      stream.hello = tap.record.first("hello")?.at
      stream.failure = tap.record.end?.why
      return stream
    }
    var hasPublished = false
    if publishes {
      let sent = taps.map(\.now)
      if let id = try await publish("buffering").value {
        hasPublished = true
        let arrived: @Sendable (StreamTap.Record) -> Bool = { $0.messages.contains { $0.id == id } }
        try await taps.filter { $0.record.first("hello") != nil }.wait(patience, until: arrived)
        let late = taps.map { !arrived($0.record) && $0.record.first("hello") != nil }
        if late.contains(true), try await publish("push", padding: Self.push).value != nil {
          try await taps.wait(min(patience, .seconds(2))) { arrived($0) || $0.first("hello") == nil }
        }
        for (index, tap) in taps.enumerated() {
          let message = tap.record.messages.first { $0.id == id }
          streams[index].cameWithMore = late[index] && message != nil
          if !late[index] { streams[index].arrival = message.map { $0.at - sent[index] } }
          streams[index].failure = tap.record.end?.why
        }
      }
    }
    for (index, tap) in taps.enumerated() { streams[index].wasSentAway = tap.record.first("reconnect") != nil }
    for (transport, encoding, begins) in try await encodings {
      guard let index = streams.firstIndex(where: { $0.transport == transport }) else { continue }
      streams[index].contentEncoding = encoding
      streams[index].beginsCompressed = begins
    }
    return BufferingMeasurement(
      streams: streams, roundTrip: roundTrip, patience: patience, hasPublished: hasPublished)
  }

  /// What somebody who accepts gzip gets: the encoding, and whether it begins at once.
  private func probeEncodings(
    _ transports: [StreamTransport]
  ) async throws -> [(StreamTransport, encoding: String, begins: Bool)] {
    var found: [(StreamTransport, encoding: String, begins: Bool)] = []
    let client = HTTPClient()
    defer { withExtendedLifetime(client) {} }
    for transport in transports {
      var headers = credentials
      headers.add(name: "Accept", value: transport == .sse ? "text/event-stream" : "application/x-ndjson")
      headers.add(name: "Accept-Encoding", value: "gzip, deflate")
      var query = QueryString()
      query.add("topic", topic)
      let target = url.appending(query.appended(to: "/v1/stream"))
      do {
        let answer = try await client.stream(.GET, target, headers: headers, timeout: patience)
        defer { answer.cancel() }
        guard let encoding = answer.headers.first(name: "Content-Encoding"), encoding.lowercased() != "identity" else {
          continue
        }
        let chunks = answer.chunks
        let began = try await within(patience) {
          // A compressor's own head says nothing of the stream yet.
          var count = 0
          for try await chunk in chunks {
            count += chunk.readableBytes
            if count > 20 { break }
          }
          return true
        }
        found.append((transport, encoding, began ?? false))
      } catch is GatewayClientError {
        // Told of by the stream itself.
      }
    }
    return found
  }
}

extension [StreamTap] {
  /// Waits for all of them, side by side.
  func wait(_ limit: Duration, until hasEnough: @escaping @Sendable (StreamTap.Record) -> Bool) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for tap in self { group.addTask { _ = try await tap.wait(limit, until: hasEnough) } }
      try await group.waitForAll()
    }
  }
}
