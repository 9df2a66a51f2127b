import CNGHTTP2
import NIOCore

/// One end of an HTTP/2 connection: bytes in, events out, and frames out when asked.
///
/// It has no socket and no clock, and belongs to one loop. nghttp2 does the protocol; what a peer may cost is counted
/// here. Callbacks only note things: nothing in them calls nghttp2 back to receive or to send.
package final class HTTP2Connection {
  let settings: HTTP2Settings
  let role: HTTP2Role
  /// Nil once freed.
  var session: OpaquePointer?
  var watch: FrameWatch
  /// Milliseconds, of the latest `receive`.
  var now: UInt64

  var streams = StreamTable()
  var events = CircularBuffer<HTTP2Event>()
  /// Body that may grow before it becomes an event.
  var body: (stream: Int32, bytes: ByteBuffer)?
  /// Streams whose events nobody gets, until their last one is passed over.
  var dropped: Set<Int32> = []
  var droppedCount = 0
  var refusedCount = 0

  /// The head that is being read, and what it has cost.
  var head = HTTP2Head()
  var headCost = (bytes: 0, fields: 0)

  /// Why the connection ends.
  var violation: HTTP2Violation?
  /// The GOAWAY that ends it is asked for, by us or by nghttp2 itself.
  var isTerminated = false
  /// GOAWAYs of `goAway` that have not left: others are nghttp2's own.
  var goAwaysAsked = 0

  /// Where frames go while nghttp2 is asked for them, and how many bytes are enough.
  var output = ByteBuffer()
  var outputLimit = 0
  var isOutputFull = false
  /// Frames that `receive` caused: they precede everything else.
  var early = ByteBuffer()
  var hasSentSettings = false

  /// - Parameter now: milliseconds, of any clock that does not go back.
  package init(_ settings: HTTP2Settings, role: HTTP2Role, now: UInt64) {
    self.settings = settings
    self.role = role
    self.now = now
    watch = FrameWatch(settings, role: role, now: now)
    openSession()
  }

  deinit { assert(session == nil, "free() was not called") }

  /// Gives back what nghttp2 holds. Nothing else works afterwards.
  package func free() {
    guard let session else { return }
    nghttp2_session_del(session)
    self.session = nil
  }

  // MARK: - Input

  /// nghttp2 gets so much at a time; between, what it wants to answer is taken from it.
  private static let stride = 16 << 10

  /// Takes all bytes, whose events `nextEvent` has then.
  ///
  /// - Throws: what ends the connection: what `produce` still has is to be sent, and then the connection closed.
  package func receive(_ bytes: UnsafeRawBufferPointer, now: UInt64) throws(HTTP2Violation) {
    self.now = now
    guard session != nil else { return }
    var rest = bytes
    while violation == nil, !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest[..<min(rest.count, Self.stride)])
      rest = UnsafeRawBufferPointer(rebasing: rest[part.count...])
      let (accepted, broken) = watch.judge(part, now: now)
      if accepted > 0 { process(UnsafeRawBufferPointer(rebasing: part[..<accepted])) }
      if violation == nil { violation = broken }
      if violation != nil { terminate() }
      pumpEarly()
    }
    endBody()
    guard let violation else { return }
    // Nobody is to begin anything with a connection that ends.
    events.removeAll()
    throw violation
  }

  private func process(_ bytes: UnsafeRawBufferPointer) {
    let start = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
    let result = nghttp2_session_mem_recv(session, start, bytes.count)
    guard result < 0, violation == nil else { return }
    violation = HTTP2Violation(nghttp2: Int32(result))
  }

  /// Ends everything with a GOAWAY that says why.
  func terminate() {
    guard !isTerminated, let session, let violation else { return }
    isTerminated = true
    nghttp2_session_terminate_session(session, code(of: violation).rawValue)
  }

  private func code(of violation: HTTP2Violation) -> HTTP2ErrorCode {
    switch violation {
    case .resets, .controlFrames, .continuations, .headerList: .enhanceYourCalm
    case .streamIdentifier: watch.openedSkippedStream ? .protocolError : .enhanceYourCalm
    case .protocolError: .protocolError
    }
  }

  // MARK: - Events

  /// The next event, in the order of what came. A request whose stream was closed before its head was taken is dropped
  /// with all its events.
  package func nextEvent() -> HTTP2Event? {
    while let event = events.popFirst() {
      guard let stream = event.stream else { return event }
      if !dropped.isEmpty, dropped.contains(stream) {
        if case .closed = event { dropped.remove(stream) }
        continue
      }
      if case .head = event, let slot = streams.slot(of: stream) { streams[slot].isTaken = true }
      return event
    }
    return nil
  }

  /// How many requests were dropped since this was last asked.
  package func takeDroppedRequests() -> Int {
    defer { droppedCount = 0 }
    return droppedCount
  }

  /// How many streams too many were refused since this was last asked.
  package func takeRefusedStreams() -> Int {
    defer { refusedCount = 0 }
    return refusedCount
  }

  func append(_ event: HTTP2Event) {
    endBody()
    events.append(event)
  }

  func endBody() {
    guard let body else { return }
    self.body = nil
    events.append(.body(stream: body.stream, body.bytes))
  }

  // MARK: - State

  package var openStreams: Int { streams.count }

  /// Part of a head has come, and not all of it.
  package var isReadingHead: Bool { watch.isReadingHead }

  /// The server takes WebSockets on its streams (RFC 8441 section 3); false until its SETTINGS have come, which precede
  /// all it answers.
  package var peerTakesWebSockets: Bool {
    guard let session else { return false }
    return nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1
  }

  /// Nothing more will be sent or received.
  package var isDone: Bool {
    guard let session else { return true }
    return early.readableBytes == 0 && nghttp2_session_want_read(session) == 0
      && nghttp2_session_want_write(session) == 0
  }

  /// `produce` has something now.
  package var hasOutput: Bool {
    guard let session else { return false }
    return early.readableBytes > 0 || nghttp2_session_want_write(session) != 0
  }
}

extension HTTP2Violation {
  /// - Parameter code: what ended `nghttp2_session_mem_recv`.
  fileprivate init(nghttp2 code: Int32) {
    self =
      code == NGHTTP2_ERR_FLOODED.rawValue ? .controlFrames : .protocolError(String(cString: nghttp2_strerror(code)))
  }
}
