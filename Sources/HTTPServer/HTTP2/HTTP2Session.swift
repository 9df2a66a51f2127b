import HTTPSyntax
import HTTP2
import Logging
import NIOCore

/// One side of a stream: what becomes of its bytes.
protocol HTTP2StreamUser: AnyObject {
  func received(_ bytes: ByteBuffer)
  /// The peer ended its side, behind the head.
  func inputEnded()
  /// Everything offered has left.
  func drained()
  /// The stream's deadline (`HTTP2Session.deadlines`) has passed.
  func timedOut()
  /// The last call.
  func closed()
}

/// HTTP/2 on a connection: each of its streams is an exchange or an outlet, like a whole connection of HTTP/1.1.
///
/// What is sent waits in `HTTP2Connection` until the work under way is done, a burst to a hundred of its streams say,
/// and leaves together. Reading never stops, because only reading opens the windows that writing waits for; what it
/// can bring is bounded by windows and by the number of streams.
final class HTTP2Session: HTTPSession {
  let connection: HTTPConnection
  let frames: HTTP2Connection
  var shared: LoopConnections { connection.shared }

  private var streams: [Int32: any HTTP2StreamUser] = [:]
  /// Requests that have not begun.
  private var requests: CircularBuffer<HTTP2Exchange> = []
  /// Streams that were given something since the last flush.
  private var offered: [Int32] = []
  /// Streams that have not sent all they were given.
  private var waiting: [Int32: Waiting] = [:]
  private var waitingBytes = 0
  /// When something must have happened on a stream: a body is complete, say.
  private var deadlines: [Int32: NIODeadline] = [:]
  /// Streams that are answered before their request's body has come: the peer is told to stop once the answer is sent.
  private var answeredEarly: [Int32] = []
  private var isAdvancing = false
  private var isFlushScheduled = false
  private var isGoingAway = false
  private var isOver = false

  private struct Waiting {
    var bytes: Int
    var deadline: NIODeadline
  }

  /// Bytes that are made ready in one go.
  private static let flushBytes = 64 << 10
  /// With more bytes of answers than this waiting for the peer, its next requests wait too.
  private static let mostWaiting = 1 << 20

  init(_ connection: HTTPConnection) {
    self.connection = connection
    frames = HTTP2Connection(connection.shared.settings.http2, role: .server, now: Self.now)
    shared.counters.count(.http2Connections)
    flushSoon()
  }

  private static var now: UInt64 { NIODeadline.now().uptimeNanoseconds / 1_000_000 }

  var isIdle: Bool { streams.isEmpty && !frames.isReadingHead }
  var wantsInput: Bool { !isOver }

  // MARK: - From the connection

  func receive(_ bytes: ByteBuffer) {
    guard !isOver else { return }
    do throws(HTTP2Violation) {
      try bytes.withUnsafeReadableBytes { (bytes) throws(HTTP2Violation) in try frames.receive(bytes, now: Self.now) }
    } catch {
      return violated(error)
    }
    advance()
  }

  /// The peer reads no more of what we send either, as far as anybody can tell.
  func inputEnded() {
    if streams.isEmpty { leave() } else { connection.close() }
  }

  func becameWritable() { flush() }

  func advance() {
    guard !isAdvancing, !isOver else { return }
    isAdvancing = true
    takeEvents()
    beginRequests()
    isAdvancing = false
    flush()
    connection.readIfWanted()
  }

  func timedOut(_ deadline: ConnectionClock.Deadline) {
    switch deadline {
    case .head:
      shared.counters.count(.timeouts)
      frames.goAway(.enhanceYourCalm)
      flush()
      leave()
    case .streams:
      streamsTimedOut(.now())
    default:
      goAway()
    }
  }

  func goAway() {
    guard !isOver else { return }
    if !isGoingAway {
      isGoingAway = true
      frames.goAway(.noError)
    }
    flush()
  }

  func refuse(_ fault: HTTPFault) {
    connection.count(fault)
    goAway()
    leave()
  }

  func connectionClosed() {
    isOver = true
    let users = streams
    streams = [:]
    requests.removeAll()
    for user in users.values { user.closed() }
    frames.free()
  }

  // MARK: - Events

  private func takeEvents() {
    while let event = frames.nextEvent() {
      switch event {
      case .head(let stream, let head, let endsStream): received(head, stream, endsStream: endsStream)
      case .body(let stream, let bytes):
        if let user = streams[stream] { user.received(bytes) } else { frames.consume(stream, bytes.readableBytes) }
      case .inputEnded(let stream): streams[stream]?.inputEnded()
      case .goingAway: break
      case .closed(let stream, _): closed(stream)
      }
    }
    shared.counters.count(.http2RequestsDropped, frames.takeDroppedRequests())
    shared.counters.count(.http2StreamsRefused, frames.takeRefusedStreams())
  }

  private func closed(_ stream: Int32) {
    deadlines[stream] = nil
    if let waited = waiting.removeValue(forKey: stream) { waitingBytes -= waited.bytes }
    guard let user = streams.removeValue(forKey: stream) else { return }
    if let index = requests.firstIndex(where: { $0 === user }) {
      requests.remove(at: index)
      shared.counters.count(.http2RequestsDropped)
    }
    user.closed()
  }

  private func received(_ head: HTTP2Head, _ stream: Int32, endsStream: Bool) {
    let limits = shared.settings.parser
    do throws(HTTPSyntaxError) {
      guard !head.isTooLarge else { throw .headersTooLarge(limit: limits.headerBytes) }
      let request = try HTTPRequest.parts(of: head, hasBody: !endsStream, limits: limits)
      let exchange = HTTP2Exchange(stream, connection.request(request.head, request.target), self)
      exchange.hasInput = !endsStream
      streams[stream] = exchange
      requests.append(exchange)
    } catch {
      answer(stream, error.fault, nil, isHead: head.method.elementsEqual("HEAD".utf8), hasInput: !endsStream)
    }
  }

  private func beginRequests() {
    while let exchange = requests.first, !isOver {
      if let refusal = connection.refusal {
        requests.removeFirst()
        answer(exchange.stream, refusal, exchange.request.head, isHead: false, hasInput: exchange.hasInput)
        goAway()
        continue
      }
      guard waitingBytes <= Self.mostWaiting, shared.mayBegin(connection) else { return }
      requests.removeFirst()
      shared.route(exchange)
    }
  }

  /// Answers in the server's own name.
  private func answer(_ stream: Int32, _ fault: HTTPFault, _ head: RequestHead?, isHead: Bool, hasInput: Bool) {
    connection.count(fault)
    respond(stream, shared.problem(fault, head), isHead: isHead, hasInput: hasInput)
  }

  private func violated(_ violation: HTTP2Violation) {
    shared.counters.count(.init(violation))
    shared.logger.debug(
      "ended an HTTP/2 connection", metadata: ["address": "\(connection.remoteAddress)", "error": "\(violation)"])
    flush()
    leave()
  }

  // MARK: - Streams

  /// Makes another the one who has the stream's bytes.
  func hand(_ stream: Int32, to user: any HTTP2StreamUser) {
    if !isOver { streams[stream] = user }
  }

  /// A whole answer.
  ///
  /// - Parameter hasInput: the request's body has not come to its end.
  func respond(_ stream: Int32, _ response: HTTPResponse, isHead: Bool, hasInput: Bool) {
    let body = isHead ? nil : response.body.flatMap { $0.readableBytes > 0 ? $0 : nil }
    frames.respond(stream, fields(response), endsStream: body == nil)
    if let body {
      frames.send(stream, body)
      frames.finish(stream)
      offered.append(stream)
    }
    if hasInput { answeredEarly.append(stream) }
    flushSoon()
  }

  func respond(_ stream: Int32, status: Int, _ lines: FieldLines, endsStream: Bool) {
    frames.respond(stream, fields(status, lines), endsStream: endsStream)
    flushSoon()
  }

  /// - Returns: whether it can be expected to leave at once.
  func offer(_ stream: Int32, _ bytes: ByteBuffer) -> Bool {
    frames.send(stream, bytes)
    offered.append(stream)
    flushSoon()
    return connection.isWritable && frames.pendingBytes(stream) <= frames.window(stream)
  }

  func finish(_ stream: Int32) {
    frames.finish(stream)
    flushSoon()
  }

  func reset(_ stream: Int32, _ code: HTTP2ErrorCode) {
    frames.reset(stream, code)
    flushSoon()
  }

  func consume(_ stream: Int32, _ bytes: Int) {
    frames.consume(stream, bytes)
    flushSoon()
  }

  func setDeadline(_ stream: Int32, in time: TimeAmount) {
    deadlines[stream] = .now() + time
    flushSoon()
  }

  func clearDeadline(_ stream: Int32) { deadlines[stream] = nil }

  // MARK: - Writing

  private func flushSoon() {
    guard !isFlushScheduled, !isAdvancing, !isOver else { return }
    isFlushScheduled = true
    shared.flushSoon(self)
  }

  /// Writes what there is, as far as the peer takes it.
  func flush() {
    isFlushScheduled = false
    guard !isOver else { return }
    write()
    // Streams that ended with what was written, and such that wait or wait no longer.
    isAdvancing = true
    takeEvents()
    noteWaiting()
    beginRequests()
    isAdvancing = false
    if frames.hasOutput, connection.isWritable { flushSoon() }
    if frames.isDone || isGoingAway && streams.isEmpty { return leave() }
    watch()
  }

  private func write() {
    while connection.isWritable {
      var isMore = false
      shared.withScratch { bytes in
        isMore = frames.produce(into: &bytes, limit: Self.flushBytes)
        if bytes.readableBytes > 0 { connection.send(bytes) }
      }
      if !isMore, !stopUploads() { return }
    }
  }

  /// - Returns: whether there was any that has its answer.
  private func stopUploads() -> Bool {
    let answered = answeredEarly.filter { frames.pendingBytes($0) == 0 }
    guard !answered.isEmpty else { return false }
    answeredEarly.removeAll { answered.contains($0) }
    // RFC 9113 section 8.1: the answer is complete; the rest of the request is not wanted.
    for stream in answered { frames.reset(stream, .noError) }
    return true
  }

  private func noteWaiting() {
    let given = offered
    offered.removeAll(keepingCapacity: true)
    for stream in given where waiting[stream] == nil {
      let bytes = frames.pendingBytes(stream)
      guard bytes > 0 else {
        // It may have been told to wait, by what was known when it offered.
        streams[stream]?.drained()
        continue
      }
      waiting[stream] = Waiting(bytes: bytes, deadline: .now() + shared.settings.stallTime)
      waitingBytes += bytes
      (streams[stream] as? HTTP2Outlet)?.becameBlocked()
    }
    guard !waiting.isEmpty else { return }
    for (stream, waited) in waiting {
      let bytes = frames.pendingBytes(stream)
      guard bytes != waited.bytes else { continue }
      waitingBytes += bytes - waited.bytes
      if bytes == 0 {
        waiting[stream] = nil
        streams[stream]?.drained()
      } else {
        waiting[stream] = Waiting(bytes: bytes, deadline: .now() + shared.settings.stallTime)
      }
    }
  }

  // MARK: - Time

  /// Sets the connection's clock to what must happen next.
  private func watch() {
    if !connection.isWritable || frames.isReadingHead || connection.refusal != nil {
      connection.watchNextRequest(hasBegun: frames.isReadingHead)
    } else if let next = (deadlines.values.min()).map({ min($0, nextStall) }) ?? (waiting.isEmpty ? nil : nextStall) {
      connection.watchStreams(until: next)
    } else if streams.isEmpty {
      connection.watchNextRequest(hasBegun: false)
    } else {
      connection.clearDeadline()
    }
  }

  private var nextStall: NIODeadline { waiting.values.reduce(.distantFuture) { min($0, $1.deadline) } }

  private func streamsTimedOut(_ now: NIODeadline) {
    for (stream, deadline) in deadlines where deadline <= now {
      deadlines[stream] = nil
      streams[stream]?.timedOut()
    }
    for (stream, waited) in waiting where waited.deadline <= now {
      shared.counters.count(.stalled)
      frames.reset(stream, .cancel)
    }
    flush()
  }

  private func leave() {
    guard !isOver else { return }
    isOver = true
    connection.leave()
  }
}
