import HTTPSyntax
import NIOCore
import WireFormat

extension HTTPClient {
  /// Opens `/v1/stream` for a transport whose answer is read as it comes.
  ///
  /// - Throws: `GatewayClientError.refused`, or `notUnderstood` if the answer is of another type.
  fileprivate func open(
    _ request: StreamRequest, accept: String, headers: HTTPHeaders = [:], sinceInQuery: Bool = true
  ) async throws -> HTTPStreamAnswer {
    var headers = headers
    headers.add(name: "Accept", value: accept)
    let (url, hasTopics) = request.target(sinceInQuery: sinceInQuery)
    let answer: HTTPStreamAnswer
    if hasTopics {
      answer = try await stream(.GET, url, headers: headers)
    } else {
      headers.add(name: "Content-Type", value: "application/json")
      answer = try await stream(.POST, url, headers: headers, body: ByteBuffer(string: "{\(request.members())}"))
    }
    guard answer.status == 200 else {
      let whole = try await answer.collect()
      if let refusal = whole.refusal { throw GatewayClientError.refused(refusal) }
      throw GatewayClientError.notUnderstood("it answered a stream with \(answer.status)")
    }
    let type = answer.headers.first(name: "Content-Type") ?? "no type"
    guard type.lowercased().hasPrefix(accept) else {
      answer.cancel()
      throw GatewayClientError.notUnderstood("it answered with \(type) instead of \(accept)")
    }
    answer.setSilenceLimit(request.silenceLimit)
    return answer
  }
}

/// Reads a stream as server-sent events.
final class EventStreamReader: StreamReader {
  private let answer: HTTPStreamAnswer
  private let chunks: HTTPChunks.AsyncIterator
  private var parser: ServerSentEventParser
  private var outputs: ArraySlice<ServerSentEventParser.Output> = []
  private var retry: UInt64?

  init(_ request: StreamRequest, client: HTTPClient) async throws {
    // What a browser's EventSource does: the header once it has an id, the query before.
    let lastEventID = request.isResuming ? request.since : nil
    var headers: HTTPHeaders = ["Cache-Control": "no-store"]
    if let lastEventID { headers.add(name: "Last-Event-ID", value: lastEventID) }
    answer = try await client.open(
      request, accept: "text/event-stream", headers: headers, sinceInQuery: lastEventID == nil)
    chunks = answer.chunks.makeAsyncIterator()
    parser = ServerSentEventParser(lastEventID: lastEventID ?? "")
  }

  func next() async throws -> StreamStep {
    while true {
      if let output = outputs.popFirst() { return try step(output) }
      guard let chunk = try await chunks.next() else {
        return .ended(reason: "the gateway ended the stream", advice: nil)
      }
      var found: [ServerSentEventParser.Output] = []
      do {
        try chunk.withUnsafeReadableBytes { bytes in try parser.receive(bytes) { found.append($0) } }
      } catch {
        throw GatewayClientError.notUnderstood("\(error)")
      }
      outputs = found[...]
    }
  }

  private func step(_ output: ServerSentEventParser.Output) throws -> StreamStep {
    switch output {
    case .comment: return .moved(nil)
    case .retry(let milliseconds):
      retry = milliseconds
      return .reconnectionTime(.milliseconds(min(milliseconds, 86_400_000)))
    case .event(let event):
      let isMessage = event.name.isEmpty || event.name == "message"
      let id = event.lastEventID.isEmpty ? nil : event.lastEventID
      switch try StreamStep(event.data, name: isMessage ? nil : event.name) {
      case .item(.hello(var hello), _):
        hello.id = hello.id ?? id
        if let heartbeat = hello.heartbeat { answer.setSilenceLimit(heartbeat * StreamRequest.silenceFactor) }
        return .item(.hello(hello), position: id)
      case .item(.heartbeat(let own), _): return .item(.heartbeat(id: own ?? id), position: id)
      case .item(.caughtUp(let own), _): return .item(.caughtUp(id: own ?? id), position: id)
      // A message without an `id` line, as a rewind sends them, is repeated after a break: its id is no position.
      case .item(let item, _): return .item(item, position: id)
      case .ended(let reason, nil):
        return .ended(reason: reason, advice: retry.map { .exactly(.milliseconds(min($0, 86_400_000))) })
      case .moved: return .moved(id)
      case let step: return step
      }
    }
  }
}

/// Reads a stream as one JSON object a line.
final class LineStreamReader: StreamReader {
  private let answer: HTTPStreamAnswer
  private let chunks: HTTPChunks.AsyncIterator
  private var parser = LineParser()
  private var lines: ArraySlice<[UInt8]> = []

  init(_ request: StreamRequest, client: HTTPClient) async throws {
    answer = try await client.open(request, accept: "application/x-ndjson")
    chunks = answer.chunks.makeAsyncIterator()
  }

  func next() async throws -> StreamStep {
    while true {
      if let line = lines.popFirst() {
        let step = try StreamStep(line)
        if case .item(.hello(let hello), _) = step, let heartbeat = hello.heartbeat {
          answer.setSilenceLimit(heartbeat * StreamRequest.silenceFactor)
        }
        return step
      }
      guard let chunk = try await chunks.next() else {
        return .ended(reason: "the gateway ended the stream", advice: nil)
      }
      var found: [[UInt8]] = []
      do {
        try chunk.withUnsafeReadableBytes { bytes in try parser.receive(bytes) { found.append($0) } }
      } catch {
        throw GatewayClientError.notUnderstood("\(error)")
      }
      lines = found[...]
    }
  }
}
