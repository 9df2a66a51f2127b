import CNGHTTP2
package import NIOCore

extension HTTP2Connection {
  /// Appends frames to `bytes` until nothing is to be sent, or until `bytes` has `limit` bytes or more. The last frame
  /// may go beyond the limit, by 16 KiB at most.
  ///
  /// - Returns: whether more is waiting that could be sent at once.
  package func produce(into bytes: inout ByteBuffer, limit: Int) -> Bool {
    guard session != nil else { return false }
    if early.readableBytes > 0 {
      bytes.writeImmutableBuffer(early)
      early = ByteBuffer()
    }
    swap(&output, &bytes)
    pump(limit: limit)
    swap(&output, &bytes)
    // An exceeded limit ends the connection with the next bytes that come.
    return nghttp2_session_want_write(session) != 0
  }

  /// Frames that wait here, without data, are at most so many bytes.
  private static let mostEarly = 64 << 10

  /// Takes what nghttp2 has to say without data, so that it is seen what it makes of the peer's bytes.
  func pumpEarly() {
    guard let session, early.readableBytes < Self.mostEarly, nghttp2_session_get_outbound_queue_size(session) > 0 else {
      return
    }
    swap(&output, &early)
    isOutputFull = true
    pump(limit: Self.mostEarly)
    isOutputFull = false
    if violation != nil, !isTerminated {
      terminate()
      isOutputFull = true
      pump(limit: Self.mostEarly)
      isOutputFull = false
    }
    swap(&output, &early)
  }

  private func pump(limit: Int) {
    outputLimit = limit
    while output.readableBytes < limit {
      var frame: UnsafePointer<UInt8>?
      let count = nghttp2_session_mem_send(session, &frame)
      guard count > 0 else { break }
      let bytes = UnsafeRawBufferPointer(start: frame, count: count)
      output.writeBytes(bytes)
      if !hasSentSettings, role == .server { announceStreams(frameBytes: count) }
    }
  }

  /// Puts the limit on streams into the first frame, SETTINGS, whose first entry it is.
  ///
  /// nghttp2 itself is told of none: it would end the connection of a peer with a stream too many, where one refused
  /// stream is enough (RFC 9113 section 5.1.2).
  private func announceStreams(frameBytes: Int) {
    hasSentSettings = true
    let frameHead = 9
    let identifier = 2
    output.setInteger(
      UInt32(clamping: settings.streams), at: output.writerIndex - frameBytes + frameHead + identifier)
  }
}
