import GatewayClient
import Locking
import NIOCore
import HTTPSyntax
import Synchronization
import WireFormat

/// One connection of a stream, opened at once and listened to: what came, and when. It never comes back by itself.
final class StreamTap: Sendable {
  struct Heard: Sendable {
    /// From asking.
    var at: Duration
    /// `message`, or a control's type.
    var kind: String
    var id: String?
    var object: ReceivedObject
  }

  struct Record: Sendable {
    /// When the answer's head, or the 101, was there.
    var opened: Duration?
    var heard: [Heard] = []
    var end: (at: Duration, why: GatewayClientError)?

    func first(_ kind: String) -> Heard? { heard.first { $0.kind == kind } }
    var messages: [Heard] { heard.filter { $0.kind == "message" } }
  }

  private struct State: Sendable {
    var record = Record()
    var socket: WebSocketClient?
    var listeners: [Int: AsyncStream<Void>.Continuation] = [:]
    var nextListener = 0
  }

  let transport: StreamTransport
  /// Closes its connections when it goes.
  private let client = HTTPClient()
  private let began = ContinuousClock.now
  private let state = Guarded(State())
  private let task = Guarded<Task<Void, Never>?>(nil)

  /// - Parameters:
  ///   - since: where to go on; on sse as `Last-Event-ID` if `byHeader`.
  ///   - patience: for the answer's head.
  init(
    _ transport: StreamTransport, _ plan: ExaminationPlan, since: String? = nil, byHeader: Bool = false,
    headers: HTTPHeaders = [:]
  ) {
    self.transport = transport
    var query = QueryString()
    // A websocket that arrives without its upgrade is then refused, and not answered as a poll.
    if transport == .websocket { query.add("transport", "websocket") }
    query.add("topic", plan.topic)
    var headers = headers
    headers.add(contentsOf: plan.credentials)
    if let since, byHeader { headers.add(name: "Last-Event-ID", value: since) }
    if let since, !byHeader { query.add("since", since) }
    let url = plan.url.appending(query.appended(to: "/v1/stream"))
    let patience = plan.patience
    let running = Task { [self, headers] in
      do {
        switch transport {
        case .websocket: try await listen(toSocket: url, headers, patience)
        case .sse, .ndjson, .poll: try await listen(toAnswer: url, headers, patience)
        }
      } catch let error as GatewayClientError {
        end(error)
      } catch {
        end(.clientClosed)
      }
    }
    task.withLock { $0 = running }
  }

  var record: Record { state.withLock { $0.record } }

  /// When something happens now, as `Heard.at` counts.
  var now: Duration { ContinuousClock.now - began }

  /// Breaks off without a word, as a lost connection does.
  func breakOff() {
    task.withLock { $0?.cancel() }
    state.withLock { $0.socket }?.abandon()
  }

  func send(_ text: String) async throws {
    do { try await state.withLock { $0.socket }?.send(text) } catch is GatewayClientError {
      // Its end is recorded where it is read.
    }
  }

  /// Waits until the record has enough, the stream has ended, or time is up.
  func wait(_ limit: Duration, until hasEnough: @escaping @Sendable (Record) -> Bool) async throws -> Record {
    let (changes, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let key = state.withLock { state in
      state.nextListener += 1
      state.listeners[state.nextListener] = continuation
      return state.nextListener
    }
    defer { state.withLock { $0.listeners[key] = nil } }
    continuation.yield()
    _ = try await within(limit) { [self] in
      for await _ in changes where record.end != nil || hasEnough(record) { break }
    }
    try Task.checkCancellation()
    return record
  }

  // MARK: - Listening

  private func change(_ body: (inout Record) -> Void) {
    let listeners = state.withLock { state in
      body(&state.record)
      return Array(state.listeners.values)
    }
    for listener in listeners { listener.yield() }
  }

  private func end(_ why: GatewayClientError) {
    let now = now
    change { $0.end = (now, why) }
  }

  private func heard(_ bytes: [UInt8], name: String? = nil, id: String? = nil) throws(GatewayClientError) {
    guard let object = ReceivedObject(bytes) else {
      throw .notUnderstood("it sent something that is not a JSON object")
    }
    let now = now
    let kind = name ?? object.string("type") ?? "message"
    change { $0.heard.append(Heard(at: now, kind: kind, id: object.string("id") ?? id, object: object)) }
  }

  private func listen(toSocket url: GatewayURL, _ headers: HTTPHeaders, _ patience: Duration) async throws {
    var options = WebSocketClient.Options()
    options.headers = headers
    options.timeout = patience
    let socket = try await WebSocketClient.connect(to: url, options: options)
    state.withLock { $0.socket = socket }
    let now = now
    change { $0.opened = now }
    for try await message in socket.messages { try heard(message.bytes) }
    guard let closing = socket.closing else { throw GatewayClientError.connectionLost("without a close frame") }
    throw GatewayClientError.closed(code: closing.code ?? 1005, reason: closing.reason)
  }

  private func listen(toAnswer url: GatewayURL, _ headers: HTTPHeaders, _ patience: Duration) async throws {
    let accept = transport == .sse ? "text/event-stream" : "application/x-ndjson"
    var headers = headers
    headers.add(name: "Accept", value: accept)
    let answer = try await client.stream(.GET, url, headers: headers, timeout: patience)
    let type = answer.headers.first(name: "Content-Type") ?? "unknown"
    guard answer.status == 200, type.lowercased().hasPrefix(accept) else {
      let whole = try await answer.collect(upTo: 1 << 20)
      if let refusal = whole.refusal { throw GatewayClientError.refused(refusal) }
      throw GatewayClientError.notUnderstood("the answer was \(answer.status) of type \(type)")
    }
    let now = now
    change { $0.opened = now }
    if transport == .sse { try await readEvents(answer) } else { try await readLines(answer) }
    throw GatewayClientError.connectionLost("the answer ended")
  }

  private func readEvents(_ answer: HTTPStreamAnswer) async throws {
    var parser = ServerSentEventParser()
    for try await chunk in answer.chunks {
      var events: [ServerSentEvent] = []
      try chunk.withUnsafeReadableBytes { bytes in
        try parser.receive(bytes) { if case .event(let event) = $0 { events.append(event) } }
      }
      for event in events {
        let isMessage = event.name.isEmpty || ReceivedObject(event.data)?.string("topic") != nil && event.name != "gap"
        try heard(event.data, name: isMessage ? nil : event.name, id: event.lastEventID)
      }
    }
  }

  private func readLines(_ answer: HTTPStreamAnswer) async throws {
    var parser = LineParser()
    for try await chunk in answer.chunks {
      var lines: [[UInt8]] = []
      try chunk.withUnsafeReadableBytes { bytes in try parser.receive(bytes) { lines.append($0) } }
      for line in lines { try heard(line) }
    }
  }
}
