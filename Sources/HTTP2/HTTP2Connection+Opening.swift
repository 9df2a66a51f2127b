import CNGHTTP2

extension HTTP2Connection {
  /// Makes nghttp2's session, whose first frames are our settings.
  func openSession() {
    var options: OpaquePointer?
    nghttp2_option_new(&options)
    // A stream's window opens with `consume`, the connection's as soon as bytes come.
    nghttp2_option_set_no_auto_window_update(options, 1)
    // Without priorities nobody refers to a closed stream.
    nghttp2_option_set_no_closed_streams(options, 1)
    sluice_nghttp2_lift_limits(options)
    defer { nghttp2_option_del(options) }
    var callbacks: OpaquePointer?
    nghttp2_session_callbacks_new(&callbacks)
    setCallbacks(callbacks)
    defer { nghttp2_session_callbacks_del(callbacks) }
    let this = Unmanaged.passUnretained(self).toOpaque()
    switch role {
    case .server: nghttp2_session_server_new2(&session, callbacks, this, options)
    case .client: nghttp2_session_client_new2(&session, callbacks, this, options)
    }
    precondition(session != nil, "no memory for an HTTP/2 connection")
    submitSettings()
    nghttp2_session_set_local_window_size(session, 0, 0, Int32(clamping: settings.connectionWindow))
  }

  private func submitSettings() {
    func entry(_ identifier: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
      nghttp2_settings_entry(settings_id: Int32(identifier.rawValue), value: UInt32(clamping: value))
    }
    var entries: [nghttp2_settings_entry]
    switch role {
    case .server:
      entries = [
        // The first: `announceStreams` puts the real number in its place.
        entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, Int(Int32.max)),
        entry(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1),
        // Every stream has its turn, whatever a peer would like: see `headBegins`.
        entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
      ]
    case .client:
      entries = [entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0)]
    }
    entries.append(entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.streamWindow))
    entries.append(entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.headerBytes))
    nghttp2_submit_settings(session, 0, entries, entries.count)
  }

  private func setCallbacks(_ callbacks: OpaquePointer?) {
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, user in
      connection(user) { $0.headBegins(frame!.pointee) }
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _, frame, name, nameCount, value, valueCount, _, user in
      connection(user) {
        $0.fieldCame(
          UnsafeBufferPointer(start: name, count: nameCount), UnsafeBufferPointer(start: value, count: valueCount))
      }
    }
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks) { _, frame, _, _, _, _, _, user in
      connection(user) { $0.invalidFieldCame(frame!.pointee.hd.stream_id) }
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
      connection(user) { $0.frameCame(frame!.pointee) }
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, stream, bytes, count, user in
      connection(user) { $0.dataCame(stream, UnsafeRawBufferPointer(start: bytes, count: count)) }
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, stream, code, user in
      connection(user) { $0.streamClosed(stream, code) }
    }
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, user in
      connection(user) { $0.frameLeft(frame!.pointee) }
    }
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks) { _, frame, _, user in
      connection(user) { $0.frameWasDropped(frame!.pointee) }
    }
    nghttp2_session_callbacks_set_send_data_callback(callbacks) { _, _, head, count, source, user in
      connection(user) {
        $0.writeData(Int(source!.pointee.fd), UnsafeRawBufferPointer(start: head, count: dataHeadLength), count)
      }
    }
  }
}

/// Of a frame without padding, which we do not use.
private let dataHeadLength = 9

/// nghttp2 asks what of a stream is to go into its next frame.
let onRead: nghttp2_data_source_read_callback = { _, _, _, most, flags, source, user in
  connection(user) { $0.nextData(Int(source!.pointee.fd), most: most, &flags!.pointee) }
}

/// The connection that a callback is about. It is kept alive by whoever called it.
private func connection<Result>(_ user: UnsafeMutableRawPointer?, _ body: (HTTP2Connection) -> Result) -> Result {
  Unmanaged<HTTP2Connection>.fromOpaque(user!)._withUnsafeGuaranteedRef(body)
}
