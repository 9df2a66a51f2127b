/// What ended a connection. The peer is told with a GOAWAY frame, which `HTTP2Connection.produce` then has.
package enum HTTP2Violation: Error, Equatable, CustomStringConvertible {
  /// More streams were reset than `HTTP2Settings.resets` allows.
  case resets
  /// More frames that bring nothing than `HTTP2Settings.controlFrames` allows.
  case controlFrames
  /// A header block in more than `HTTP2Settings.continuations` further frames.
  case continuations
  /// A header block four times as large as `HTTP2Settings.headerBytes` or `headerCount` allow.
  case headerList
  /// A stream that was skipped was opened after all, or too many were skipped (RFC 9113 section 5.1.1).
  case streamIdentifier
  /// Something else that RFC 9113 forbids, in nghttp2's words.
  case protocolError(String)

  /// For a metric.
  package var label: String {
    switch self {
    case .resets: "resets"
    case .controlFrames: "control_frames"
    case .continuations: "continuations"
    case .headerList: "header_list"
    case .streamIdentifier: "stream_identifier"
    case .protocolError: "protocol_error"
    }
  }

  /// For a log.
  package var description: String {
    switch self {
    case .resets: "the peer had too many streams reset"
    case .controlFrames: "the peer sent too many frames that bring nothing (PING, SETTINGS, PRIORITY, empty DATA)"
    case .continuations: "the peer sent a header block in too many CONTINUATION frames"
    case .headerList: "the peer sent a header block far above the limits on its size"
    case .streamIdentifier: "the peer opened a stream that it had skipped, or skipped too many"
    case .protocolError(let words): "the peer broke a rule of HTTP/2: \(words)"
    }
  }
}
