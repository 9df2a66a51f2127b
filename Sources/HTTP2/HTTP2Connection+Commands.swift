import CNGHTTP2
package import NIOCore

/// What the one who owns the connection asks for. On a stream that is gone nothing happens.
extension HTTP2Connection {
  /// The head of an answer.
  package func respond(_ stream: Int32, _ fields: HTTP2Fields, endsStream: Bool) {
    guard let slot = streams.slot(of: stream), !streams[slot].isResponded else { return }
    streams[slot].isResponded = true
    if endsStream { streams[slot].isFinished = true }
    _ = fields.withPairs { values, count in
      if endsStream { return nghttp2_submit_response(session, stream, values, count, nil) }
      var provider = dataProvider(slot)
      return nghttp2_submit_response(session, stream, values, count, &provider)
    }
  }

  /// A request, in the client's role.
  ///
  /// - Returns: its stream, or nil if the connection takes no more.
  package func request(_ fields: HTTP2Fields, endsStream: Bool) -> Int32? {
    guard let session, nghttp2_session_check_request_allowed(session) != 0 else { return nil }
    var stream = HTTP2Stream(Int32(bitPattern: nghttp2_session_get_next_stream_id(session)))
    stream.isFinished = endsStream
    let slot = streams.insert(stream)
    _ = fields.withPairs { values, count in
      if endsStream { return nghttp2_submit_request(session, nil, values, count, nil, nil) }
      var provider = dataProvider(slot)
      return nghttp2_submit_request(session, nil, values, count, &provider, nil)
    }
    return stream.identifier
  }

  /// Sends behind what is pending. The bytes are not copied before they are put into frames.
  package func send(_ stream: Int32, _ bytes: ByteBuffer) {
    guard bytes.readableBytes > 0, let slot = streams.slot(of: stream), !streams[slot].isFinished else { return }
    streams[slot].append(bytes)
    resume(slot, stream)
  }

  /// Ends our side, behind what is pending.
  package func finish(_ stream: Int32) {
    guard let slot = streams.slot(of: stream), !streams[slot].isFinished else { return }
    streams[slot].isFinished = true
    resume(slot, stream)
  }

  /// Bytes that were given to `send` and are not in frames yet.
  package func pendingBytes(_ stream: Int32) -> Int {
    streams.slot(of: stream).map { streams[$0].pendingBytes } ?? 0
  }

  /// How many bytes the peer would take now: what its windows leave, the stream's and the connection's.
  package func window(_ stream: Int32) -> Int {
    guard let session else { return 0 }
    let own = nghttp2_session_get_stream_remote_window_size(session, stream)
    return Int(max(0, min(own, nghttp2_session_get_remote_window_size(session))))
  }

  /// So many bytes of the stream's body are done with, and it may send as many more.
  package func consume(_ stream: Int32, _ bytes: Int) {
    guard let session, bytes > 0 else { return }
    nghttp2_session_consume_stream(session, stream, bytes)
  }

  package func reset(_ stream: Int32, _ code: HTTP2ErrorCode) {
    guard let session, let slot = streams.slot(of: stream), !streams[slot].isResetByUs else { return }
    streams[slot].isResetByUs = true
    nghttp2_submit_rst_stream(session, 0, stream, code.rawValue)
  }

  /// No new streams after those that have come; open ones go on.
  package func goAway(_ code: HTTP2ErrorCode) {
    guard let session, violation == nil else { return }
    goAwaysAsked += 1
    nghttp2_submit_goaway(
      session, 0, nghttp2_session_get_last_proc_stream_id(session), code.rawValue, nil, 0)
  }

  // MARK: -

  private func resume(_ slot: Int, _ stream: Int32) {
    guard streams[slot].isDeferred else { return }
    streams[slot].isDeferred = false
    nghttp2_session_resume_data(session, stream)
  }

  private func dataProvider(_ slot: Int) -> nghttp2_data_provider {
    nghttp2_data_provider(source: nghttp2_data_source(fd: Int32(slot)), read_callback: onRead)
  }
}
