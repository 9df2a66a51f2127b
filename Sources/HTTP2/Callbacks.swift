import CNGHTTP2

/// How nghttp2 reaches the connection it works for. Made once.
final class Callbacks: Sendable {
  static let shared = Callbacks()

  /// Not changed after `init`, and nghttp2 copies them for each session.
  nonisolated(unsafe) let pointer: OpaquePointer?
  nonisolated(unsafe) let options: OpaquePointer?

  private init() {
    var callbacks: OpaquePointer?
    nghttp2_session_callbacks_new(&callbacks)
    var options: OpaquePointer?
    nghttp2_option_new(&options)
    // Windows open when somebody has consumed what came.
    nghttp2_option_set_no_auto_window_update(options, 1)
    // Closed streams are of no use without priorities.
    nghttp2_option_set_no_closed_streams(options, 1)
    self.pointer = callbacks
    self.options = options
    setReading(callbacks)
    setWriting(callbacks)
  }

  private func setReading(_ callbacks: OpaquePointer?) {
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { _, header, user in
      guard let header else { return 0 }
      return connection(user).frameBegins(header.pointee)
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, user in
      if let frame { connection(user).headBegins(frame.pointee) }
      return 0
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _, frame, name, nameLength, value, valueLength, _, user in
      guard let frame else { return 0 }
      return connection(user).field(
        frame.pointee.hd.stream_id, UnsafeBufferPointer(start: name, count: nameLength),
        UnsafeBufferPointer(start: value, count: valueLength))
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
      if let frame { connection(user).frameCame(frame.pointee) }
      return 0
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, stream, bytes, count, user in
      connection(user).dataCame(stream, UnsafeRawBufferPointer(start: bytes, count: count))
      return 0
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, stream, code, user in
      connection(user).streamClosed(stream, code)
      return 0
    }
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) { _, _, code, user in
      connection(user).libraryFailed(String(cString: nghttp2_strerror(code)))
      return 0
    }
  }

  private func setWriting(_ callbacks: OpaquePointer?) {
    nghttp2_session_callbacks_set_send_data_callback(callbacks) { _, frame, header, count, _, user in
      guard let frame, let header else { return HTTP2Connection.failed }
      return connection(user).writeData(
        frame.pointee.hd.stream_id, header: UnsafeRawBufferPointer(start: header, count: 9), count: count)
    }
  }

  /// Where a stream's bytes come from.
  static var provider: nghttp2_data_provider {
    nghttp2_data_provider(
      source: nghttp2_data_source(),
      read_callback: { _, stream, _, length, flags, _, user in
        guard let flags else { return Int(HTTP2Connection.failed) }
        return connection(user).nextData(stream, most: length, flags: flags)
      })
  }
}

private func connection(_ user: UnsafeMutableRawPointer?) -> HTTP2Connection {
  Unmanaged<HTTP2Connection>.fromOpaque(user!).takeUnretainedValue()
}
