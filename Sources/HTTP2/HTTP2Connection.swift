import CNGHTTP2
package import NIOCore

/// One HTTP/2 connection (RFC 9113, and RFC 8441 for WebSockets), without I/O: bytes in, events out, frames out when
/// asked. nghttp2 knows the protocol; here is what it leaves to its user. Confined to one event loop.
package final class HTTP2Connection {
  let settings: HTTP2Settings
  let role: HTTP2Role
  private var session: OpaquePointer?
  private var streams: [Int32: Stream] = [:]
  private var events: CircularBuffer<HTTP2Event> = []
  /// Streams that were closed before anybody saw their request: their events are passed over.
  private var dropped: Set<Int32> = []
  private var droppedRequests = 0
  /// Bytes of DATA frames that came since the connection's window was last opened.
  private var received = 0

  // What the peer does, counted.
  private var now: UInt64
  private var resets: TokenBucket
  private var controlFrames: TokenBucket
  private var identifiers: StreamIdentifiers
  private var continuations = 0
  /// DATA frames that we sent, each of which two WINDOW_UPDATEs may answer.
  private var windowUpdatesDue = 0
  private var violation: HTTP2Violation?
  private var libraryError: String?
  private var hasGoneAway = false

  // While frames are made.
  private var output = ByteBuffer()
  private var outputLimit = 0

  package private(set) var isReadingHead = false

  /// One stream's side that is ours.
  private final class Stream {
    var head: HTTP2Head?
    /// As the limit counts.
    var headBytes = 0
    /// The head was given out as an event, or is no request.
    var isSeen = false
    var pending = ByteBuffer()
    var endsAfterPending = false
    /// nghttp2 waits to be told that there is more to send.
    var isDeferred = false
  }

  /// - Parameter now: in milliseconds of a clock that never goes back.
  package init(_ settings: HTTP2Settings, role: HTTP2Role, now: UInt64) {
    self.settings = settings
    self.role = role
    self.now = now
    resets = TokenBucket(settings.resets, now: now)
    controlFrames = TokenBucket(settings.controlFrames, now: now)
    identifiers = StreamIdentifiers(limit: settings.skippedStreams)
    let user = Unmanaged.passUnretained(self).toOpaque()
    switch role {
    case .server: nghttp2_session_server_new2(&session, Callbacks.shared.pointer, user, Callbacks.shared.options)
    case .client: nghttp2_session_client_new2(&session, Callbacks.shared.pointer, user, Callbacks.shared.options)
    }
    submitSettings()
  }

  deinit { assert(session == nil, "an HTTP/2 connection must be freed on its own loop") }

  /// Frees what nghttp2 holds; nothing may be called after it but `free`. On the connection's own loop.
  package func free() {
    nghttp2_session_del(session)
    session = nil
  }

  private func submitSettings() {
    func entry(_ id: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
      nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: UInt32(value))
    }
    var entries = [
      entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings.streams),
      entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.streamWindow),
      entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.headerBytes),
    ]
    switch role {
    case .server:
      entries.append(entry(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1))
      // The old tree of priorities costs much and is of no use to us (RFC 9113 section 5.3).
      entries.append(entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1))
    case .client:
      entries.append(entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
    }
    nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), entries, entries.count)
    nghttp2_session_set_local_window_size(
      session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Int32(settings.connectionWindow))
  }

  // MARK: - In

  /// Takes all bytes; what they mean is asked for with `nextEvent`.
  ///
  /// - Throws: once. `produce` gives what is left to say; then the connection is to be closed.
  package func receive(_ bytes: UnsafeRawBufferPointer, now: UInt64) throws(HTTP2Violation) {
    guard session != nil, violation == nil else { return }
    self.now = now
    let taken = nghttp2_session_mem_recv(session, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
    if received > 0 {
      // Opened again at once: a stream that nobody reads must not hold up the others.
      nghttp2_session_consume_connection(session, received)
      received = 0
    }
    if let violation { throw end(violation) }
    if taken == Int(NGHTTP2_ERR_FLOODED.rawValue) { throw end(.controlFrames) }
    if taken < 0 { throw end(.protocolError(String(cString: nghttp2_strerror(Int32(taken))))) }
    // nghttp2 has found a fault itself, and has a GOAWAY ready.
    if !hasGoneAway, nghttp2_session_want_read(session) == 0 {
      throw end(.protocolError(libraryError ?? "the peer broke the protocol"))
    }
  }

  private func end(_ violation: HTTP2Violation) -> HTTP2Violation {
    self.violation = violation
    // Without effect where nghttp2 has one under way already.
    nghttp2_session_terminate_session(session, violation.code.rawValue)
    return violation
  }

  /// In the order in which it happened; nil if there is nothing more.
  package func nextEvent() -> HTTP2Event? {
    while let event = events.popFirst() {
      switch event {
      case .head(let stream, _, _):
        if dropped.contains(stream) { continue }
        streams[stream]?.isSeen = true
      case .body(let stream, _), .inputEnded(let stream):
        if dropped.contains(stream) { continue }
      case .closed(let stream, _):
        if dropped.remove(stream) != nil { continue }
      case .goingAway: break
      }
      return event
    }
    return nil
  }

  /// How many requests were reset before anybody saw them, since it was last asked.
  package func takeDroppedRequests() -> Int {
    defer { droppedRequests = 0 }
    return droppedRequests
  }

  /// Opens the stream's window again by so many bytes that came.
  package func consume(_ stream: Int32, _ bytes: Int) {
    guard session != nil, bytes > 0 else { return }
    nghttp2_session_consume_stream(session, stream, bytes)
  }

  // MARK: - Out. On a stream that is gone nothing happens.

  /// Begins an answer.
  package func respond(_ stream: Int32, _ fields: HTTP2Fields, endsStream: Bool) {
    guard session != nil, streams[stream] != nil else { return }
    fields.withPairs { pairs, count in
      _ = withUnsafePointer(to: Callbacks.provider) { provider in
        nghttp2_submit_response(session, stream, pairs, count, endsStream ? nil : provider)
      }
    }
    // Every stream has its turn, frame by frame.
    var priority = nghttp2_extpri(urgency: UInt32(NGHTTP2_EXTPRI_DEFAULT_URGENCY), inc: 1)
    nghttp2_session_change_extpri_stream_priority(session, stream, &priority, 1)
  }

  /// Opens a stream as a client. - Returns: its identifier; nil if the connection takes none any more.
  package func request(_ fields: HTTP2Fields, endsStream: Bool) -> Int32? {
    guard session != nil, violation == nil else { return nil }
    let stream = fields.withPairs { pairs, count in
      withUnsafePointer(to: Callbacks.provider) { provider in
        nghttp2_submit_request(session, nil, pairs, count, endsStream ? nil : provider, nil)
      }
    }
    guard stream > 0 else { return nil }
    let state = Stream()
    state.isSeen = true
    streams[stream] = state
    return stream
  }

  /// Behind what is pending; kept as it is if nothing is.
  package func send(_ stream: Int32, _ bytes: ByteBuffer) {
    guard let state = streams[stream], !state.endsAfterPending, bytes.readableBytes > 0 else { return }
    if state.pending.readableBytes == 0 { state.pending = bytes } else { state.pending.writeImmutableBuffer(bytes) }
    resume(stream, state)
  }

  /// Ends our side, behind what is pending.
  package func finish(_ stream: Int32) {
    guard let state = streams[stream], !state.endsAfterPending else { return }
    state.endsAfterPending = true
    resume(stream, state)
  }

  private func resume(_ stream: Int32, _ state: Stream) {
    guard state.isDeferred else { return }
    state.isDeferred = false
    nghttp2_session_resume_data(session, stream)
  }

  /// Bytes that are in no frame yet.
  package func pendingBytes(_ stream: Int32) -> Int { streams[stream]?.pending.readableBytes ?? 0 }

  /// How many bytes the peer would take of the stream, as far as windows go.
  package func window(_ stream: Int32) -> Int {
    guard session != nil else { return 0 }
    return max(
      0,
      min(
        Int(nghttp2_session_get_stream_remote_window_size(session, stream)),
        Int(nghttp2_session_get_remote_window_size(session))))
  }

  package func reset(_ stream: Int32, _ code: HTTP2ErrorCode) {
    guard session != nil, streams[stream] != nil else { return }
    nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, code.rawValue)
  }

  /// Takes no streams but those that are open; they go on.
  package func goAway(_ code: HTTP2ErrorCode) {
    guard session != nil, !hasGoneAway else { return }
    hasGoneAway = true
    nghttp2_submit_goaway(
      session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nghttp2_session_get_last_proc_stream_id(session), code.rawValue, nil,
      0)
  }

  package var openStreams: Int { streams.count }

  /// Nothing more will come or be sent.
  package var isDone: Bool {
    session == nil || nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
  }

  /// Whether `produce` has something to give.
  package var hasOutput: Bool { session != nil && nghttp2_session_want_write(session) != 0 }

  /// Appends frames: all there are, as far as windows go, or until there are `limit` bytes or a little more.
  ///
  /// - Returns: whether it ended at the limit.
  package func produce(into bytes: inout ByteBuffer, limit: Int) -> Bool {
    guard session != nil else { return false }
    // Not copied: it is ours alone meanwhile.
    swap(&bytes, &output)
    outputLimit = limit
    defer { swap(&bytes, &output) }
    while output.readableBytes < limit {
      var frames: UnsafePointer<UInt8>?
      let count = nghttp2_session_mem_send(session, &frames)
      guard count > 0 else { break }
      output.writeBytes(UnsafeRawBufferPointer(start: frames, count: count))
    }
    return output.readableBytes >= limit
  }
}

// MARK: - From nghttp2, which must not be called for bytes in here: things are noted, no more.

extension HTTP2Connection {
  static let failed = Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)

  private func violate(_ violation: HTTP2Violation) -> Int32 {
    self.violation = violation
    return Self.failed
  }

  /// A frame's first nine bytes are there.
  func frameBegins(_ header: nghttp2_frame_hd) -> Int32 {
    switch nghttp2_frame_type(rawValue: UInt32(header.type)) {
    case NGHTTP2_HEADERS:
      continuations = 0
      isReadingHead = true
      guard role == .client || identifiers.open(header.stream_id) else { return violate(.streamIdentifier) }
    case NGHTTP2_CONTINUATION:
      continuations += 1
      if continuations > settings.continuations { return violate(.continuations) }
    case NGHTTP2_RST_STREAM:
      if !resets.take(now: now) { return violate(.resets) }
    case NGHTTP2_DATA where header.length > 0 || header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0:
      break
    case NGHTTP2_WINDOW_UPDATE where windowUpdatesDue > 0:
      windowUpdatesDue -= 1
    default:
      if !controlFrames.take(now: now) { return violate(.controlFrames) }
    }
    return 0
  }

  func headBegins(_ frame: nghttp2_frame) {
    let stream = frame.hd.stream_id
    if role == .server, frame.headers.cat == NGHTTP2_HCAT_REQUEST {
      let state = Stream()
      state.head = HTTP2Head()
      streams[stream] = state
    } else if role == .client {
      streams[stream]?.head = HTTP2Head()
    }
  }

  func field(
    _ stream: Int32, _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>
  ) -> Int32 {
    // Without a head it is a trailer, which nobody wants.
    guard let state = streams[stream], state.head != nil else { return 0 }
    state.headBytes += name.count + value.count + 32
    if state.headBytes > 4 * settings.headerBytes { return violate(.headerList) }
    if state.headBytes > settings.headerBytes || state.head!.fields.count >= settings.headerCount {
      state.head!.becomeTooLarge()
    } else {
      state.head!.add(name, value)
    }
    return 0
  }

  func frameCame(_ frame: nghttp2_frame) {
    let stream = frame.hd.stream_id
    let endsStream = frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    switch nghttp2_frame_type(rawValue: UInt32(frame.hd.type)) {
    case NGHTTP2_HEADERS:
      isReadingHead = false
      guard let state = streams[stream] else { return }
      if let head = state.head {
        state.head = nil
        guard !head.hasForeignHost else { return reset(stream, .protocolError) }
        events.append(.head(stream: stream, head, endsStream: endsStream))
      } else if endsStream {
        events.append(.inputEnded(stream: stream))
      }
    case NGHTTP2_DATA where endsStream:
      events.append(.inputEnded(stream: stream))
    case NGHTTP2_GOAWAY:
      events.append(.goingAway(lastStream: frame.goaway.last_stream_id, code: frame.goaway.error_code))
    default: break
    }
  }

  func dataCame(_ stream: Int32, _ bytes: UnsafeRawBufferPointer) {
    received += bytes.count
    events.append(.body(stream: stream, ByteBuffer(bytes: bytes)))
  }

  func streamClosed(_ stream: Int32, _ code: UInt32) {
    isReadingHead = false
    guard let state = streams.removeValue(forKey: stream) else { return }
    if !state.isSeen {
      dropped.insert(stream)
      droppedRequests += 1
    }
    events.append(.closed(stream: stream, code: code))
  }

  func libraryFailed(_ words: String) {
    isReadingHead = false
    libraryError = words
  }

  /// How much of a stream goes into its next frame.
  ///
  /// - Returns: bytes, at most `most`, or nghttp2's DEFERRED.
  func nextData(_ stream: Int32, most: Int, flags: UnsafeMutablePointer<UInt32>) -> Int {
    guard let state = streams[stream] else { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
    let count = min(most, state.pending.readableBytes)
    guard count > 0 || state.endsAfterPending else {
      state.isDeferred = true
      return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    }
    if count > 0 { flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_NO_COPY.rawValue) }
    if state.endsAfterPending, count == state.pending.readableBytes {
      flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue)
    }
    return count
  }

  /// Puts a DATA frame into the output, straight from what is pending.
  func writeData(_ stream: Int32, header: UnsafeRawBufferPointer, count: Int) -> Int32 {
    guard output.readableBytes < outputLimit else { return Int32(NGHTTP2_ERR_WOULDBLOCK.rawValue) }
    guard let state = streams[stream] else { return Int32(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
    output.writeBytes(header)
    state.pending.withUnsafeReadableBytes { bytes in
      _ = output.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    }
    state.pending.moveReaderIndex(forwardBy: count)
    // What it lies in may be a whole burst.
    if state.pending.readableBytes == 0 { state.pending = ByteBuffer() }
    windowUpdatesDue = min(windowUpdatesDue + 2, settings.controlFrames.burst)
    return 0
  }
}
