import CNGHTTP2
import NIOCore

/// What nghttp2 calls. In here it may be asked to send later, but not to receive or to send.
extension HTTP2Connection {
  private static let proceed: Int32 = 0
  /// nghttp2 gives the connection up.
  private static let stop = Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
  /// nghttp2 gives the stream up.
  private static let stopStream = Int32(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)

  // MARK: - Heads

  func headBegins(_ frame: nghttp2_frame) -> Int32 {
    head = HTTP2Head()
    headCost = (0, 0)
    let stream = frame.hd.stream_id
    guard role == .server, frame.headers.cat == NGHTTP2_HCAT_REQUEST else { return Self.proceed }
    guard streams.count < settings.streams else {
      nghttp2_submit_rst_stream(session, 0, stream, HTTP2ErrorCode.refusedStream.rawValue)
      refusedCount += 1
      return Self.stopStream
    }
    _ = streams.insert(HTTP2Stream(stream))
    // One frame each in turn.
    var priority = nghttp2_extpri(urgency: UInt32(NGHTTP2_EXTPRI_DEFAULT_URGENCY), inc: 1)
    nghttp2_session_change_extpri_stream_priority(session, stream, &priority, 1)
    return Self.proceed
  }

  func fieldCame(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) -> Int32 {
    /// What RFC 9113 section 6.5.2 counts for a field besides its bytes.
    let overhead = 32
    /// A head so many times as large is no accident.
    let mostTimes = 4
    headCost.bytes += name.count + value.count + overhead
    headCost.fields += 1
    if headCost.bytes <= settings.headerBytes, headCost.fields <= settings.headerCount {
      head.add(name, value)
    } else if headCost.bytes <= settings.headerBytes * mostTimes, headCost.fields <= settings.headerCount * mostTimes {
      head.becomeTooLarge()
    } else {
      violation = .headerList
      return Self.stop
    }
    return Self.proceed
  }

  /// nghttp2 would leave the field out; RFC 9113 section 8.2.1 calls such a head malformed.
  func invalidFieldCame(_ stream: Int32) -> Int32 {
    nghttp2_submit_rst_stream(session, 0, stream, HTTP2ErrorCode.protocolError.rawValue)
    return Self.stopStream
  }

  // MARK: - Frames

  func frameCame(_ frame: nghttp2_frame) -> Int32 {
    let stream = frame.hd.stream_id
    let endsStream = frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    switch nghttp2_frame_type(UInt32(frame.hd.type)) {
    case NGHTTP2_HEADERS:
      headEnds(stream, endsStream: endsStream)
    case NGHTTP2_DATA where endsStream:
      if let slot = streams.slot(of: stream), streams[slot].hasHead { append(.inputEnded(stream: stream)) }
    case NGHTTP2_GOAWAY:
      append(.goingAway(lastStream: frame.goaway.last_stream_id, code: frame.goaway.error_code))
    default: break
    }
    return Self.proceed
  }

  private func headEnds(_ stream: Int32, endsStream: Bool) {
    guard let slot = streams.slot(of: stream) else { return }
    // After a head there are trailers, which nobody asked for.
    if streams[slot].hasHead {
      if endsStream { append(.inputEnded(stream: stream)) }
      return
    }
    guard !head.hasForeignHost else {
      nghttp2_submit_rst_stream(session, 0, stream, HTTP2ErrorCode.protocolError.rawValue)
      return
    }
    let isInterim = role == .client && head.status < 200
    streams[slot].hasHead = !isInterim
    append(.head(stream: stream, head, endsStream: endsStream))
    head = HTTP2Head()
  }

  func dataCame(_ stream: Int32, _ bytes: UnsafeRawBufferPointer) -> Int32 {
    // A stream that nobody reads does not hold up the others.
    nghttp2_session_consume_connection(session, bytes.count)
    guard let slot = streams.slot(of: stream), streams[slot].hasHead else { return Self.proceed }
    if body?.stream != stream {
      endBody()
      body = (stream, ByteBufferAllocator().buffer(capacity: bytes.count))
    }
    body!.bytes.writeBytes(bytes)
    return Self.proceed
  }

  func streamClosed(_ identifier: Int32, _ code: UInt32) -> Int32 {
    guard let stream = streams.remove(identifier) else { return Self.proceed }
    if role == .server {
      guard stream.hasHead else { return Self.proceed }
      if !stream.isTaken {
        dropped.insert(identifier)
        droppedCount += 1
      }
    }
    append(.closed(stream: identifier, code: code))
    return Self.proceed
  }

  // MARK: - Output

  func frameLeft(_ frame: nghttp2_frame) -> Int32 {
    switch nghttp2_frame_type(UInt32(frame.hd.type)) {
    case NGHTTP2_RST_STREAM:
      let isOurs = streams.slot(of: frame.hd.stream_id).map { streams[$0].isResetByUs } ?? false
      if !isOurs, !watch.hadToReset(now: now), violation == nil { violation = .resets }
    case NGHTTP2_GOAWAY where goAwaysAsked > 0:
      goAwaysAsked -= 1
    case NGHTTP2_GOAWAY where !isTerminated && frame.goaway.error_code != HTTP2ErrorCode.noError.rawValue:
      isTerminated = true
      if violation == nil { violation = .protocolError(words(of: frame.goaway)) }
    default: break
    }
    return Self.proceed
  }

  /// A request that was reset before it left, or that the peer takes no more, opened no stream for nghttp2 to close.
  func frameWasDropped(_ frame: nghttp2_frame) -> Int32 {
    guard role == .client, nghttp2_frame_type(UInt32(frame.hd.type)) == NGHTTP2_HEADERS else { return Self.proceed }
    return streamClosed(frame.hd.stream_id, HTTP2ErrorCode.cancel.rawValue)
  }

  /// nghttp2 tells the peer what it did wrong.
  private func words(of goAway: nghttp2_goaway) -> String {
    guard goAway.opaque_data_len > 0 else { return String(cString: nghttp2_http2_strerror(goAway.error_code)) }
    return String(
      decoding: UnsafeBufferPointer(start: goAway.opaque_data, count: goAway.opaque_data_len), as: UTF8.self)
  }

  /// - Returns: bytes of the next frame, at most `most`.
  func nextData(_ slot: Int, most: Int, _ flags: inout UInt32) -> Int {
    let pending = streams[slot].pendingBytes
    let isFinished = streams[slot].isFinished
    guard pending > 0 || isFinished else {
      streams[slot].isDeferred = true
      return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    }
    if pending > 0 { flags |= UInt32(NGHTTP2_DATA_FLAG_NO_COPY.rawValue) }
    if isFinished, pending <= most { flags |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue) }
    return min(pending, most)
  }

  /// Appends a frame of data to the output, unless that has enough.
  func writeData(_ slot: Int, _ head: UnsafeRawBufferPointer, _ count: Int) -> Int32 {
    guard !isOutputFull, output.readableBytes < outputLimit else { return Int32(NGHTTP2_ERR_WOULDBLOCK.rawValue) }
    output.writeBytes(head)
    streams[slot].move(count, to: &output)
    watch.sentData(count)
    return Self.proceed
  }
}
