import GatewayClient

/// One subscriber, from its handshake on. On its loop only.
final class SubscriberConnection {
  private enum State {
    /// The answer's head has not come.
    case head
    case streaming
    /// Refused; the reason has not come.
    case refused
  }

  /// Its place among its loop's subscribers.
  let number: Int
  let spec: SubscriberSpec
  let startedAt: UInt64
  /// nil once it is lost.
  var link: Link?
  var isSubscribed = false
  /// How many of the messages it has missed are still to come.
  var missed: Int

  private var state = State.head
  private var head: [UInt8] = []
  private var socket = WebSocketScanner()
  private var lines = LineScanner(.lines, isChunked: false)
  private var poll = PollScanner()
  private var refusal = AnswerReader()

  init(number: Int, spec: SubscriberSpec, link: Link, startedAt: UInt64) {
    self.number = number
    self.spec = spec
    self.link = link
    self.startedAt = startedAt
    missed = spec.behind
    if spec.transport == .poll { state = .streaming }
  }

  /// The `since` of the next poll.
  var position: [UInt8] { poll.next }

  /// What the gateway wants echoed, if it asked.
  func takePing() -> [UInt8]? { spec.transport == .websocket ? socket.takePing() : nil }

  /// - Parameter accept: the websocket handshake's right answer.
  /// - Returns: whether a poll was answered and the next is due.
  @inline(__always)
  func read(
    _ bytes: UnsafeRawBufferPointer, into intake: inout Intake, accept: [UInt8]
  ) throws(StreamFault) -> Bool {
    guard case .streaming = state else {
      try readHead(bytes, into: &intake, accept)
      return false
    }
    switch spec.transport {
    case .websocket: try socket.feed(bytes, into: &intake)
    case .sse, .ndjson:
      try lines.feed(bytes, into: &intake)
      if lines.isAtEnd { throw .sentAway("the stream was ended by the gateway") }
    case .poll: return try poll.feed(bytes, into: &intake)
    }
    return false
  }

  private func readHead(
    _ bytes: UnsafeRawBufferPointer, into intake: inout Intake, _ accept: [UInt8]
  ) throws(StreamFault) {
    if case .refused = state { return try readRefusal(bytes) }
    head.append(contentsOf: bytes)
    let whole = head
    let answer = try whole.withRawBytes { bytes throws(StreamFault) in try AnswerHead(bytes) }
    guard let answer else { return }
    head = []
    let isWebSocket = spec.transport == .websocket
    guard answer.status == (isWebSocket ? 101 : 200) else {
      state = .refused
      return try whole.withRawBytes { bytes throws(StreamFault) in try readRefusal(bytes) }
    }
    if isWebSocket, whole.withRawBytes({ $0.firstRange(ofBytes: accept) }) == nil {
      throw .malformed("the answer to the websocket handshake is not for this request")
    }
    state = .streaming
    lines = LineScanner(spec.transport == .sse ? .events : .lines, isChunked: answer.isChunked)
    guard whole.count > answer.length else { return }
    _ = try whole.withRawBytes { bytes throws(StreamFault) in
      try read(UnsafeRawBufferPointer(rebasing: bytes[answer.length...]), into: &intake, accept: accept)
    }
  }

  private func readRefusal(_ bytes: UnsafeRawBufferPointer) throws(StreamFault) {
    _ = try refusal.feed(bytes) { head, body throws(StreamFault) in
      throw .refused(status: head.status, detail: ProblemDetail.of(body))
    }
  }
}
