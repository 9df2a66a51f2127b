/// What one HTTP/2 connection may cost.
package struct HTTP2Settings: Sendable, Equatable {
  /// Streams open at once, announced as SETTINGS_MAX_CONCURRENT_STREAMS; more are refused with REFUSED_STREAM.
  package var streams = 256
  /// Bytes of a head: names, values and 32 for each field, announced as SETTINGS_MAX_HEADER_LIST_SIZE. Above, a request
  /// arrives with `isTooLarge`; above four times as much, the connection ends.
  package var headerBytes = 24 << 10
  /// Fields of a head. Above, a request arrives with `isTooLarge`; above four times as many, the connection ends.
  package var headerCount = 100
  /// CONTINUATION frames of one header block.
  package var continuations = 8
  /// Streams that the peer reset, and streams of its that had to be reset.
  package var resets = Rate(burst: 500, perSecond: 50)
  /// Frames that cost something and bring nothing: PING, SETTINGS, PRIORITY, empty DATA, unknown types, and each
  /// WINDOW_UPDATE beyond what the DATA sent accounts for.
  package var controlFrames = Rate(burst: 1000, perSecond: 100)
  /// How many times a client may leave stream identifiers out.
  package var skippedStreams = 128
  /// Bytes that a stream may send before they are consumed.
  package var streamWindow = 64 << 10
  /// Bytes that all streams may have under way together.
  package var connectionWindow = 1 << 20

  package init() {}

  /// So many at once, and so many a second in the long run.
  package struct Rate: Sendable, Equatable {
    package var burst: Int
    package var perSecond: Int

    package init(burst: Int, perSecond: Int) {
      self.burst = burst
      self.perSecond = perSecond
    }
  }
}

/// Which end of the connection this is.
package enum HTTP2Role: Sendable { case server, client }
