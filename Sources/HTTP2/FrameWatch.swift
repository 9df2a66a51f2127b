/// Looks at the heads of the peer's frames before nghttp2 gets them, and counts what costs more than it brings.
///
/// It also keeps a rule that nghttp2 does not: a stream that was skipped must not be opened later (RFC 9113 section
/// 5.1.1).
struct FrameWatch {
  private let settings: HTTP2Settings
  private let role: HTTP2Role
  private var resets: TokenBucket
  private var controlFrames: TokenBucket
  /// WINDOW_UPDATE frames that the peer has reason to send.
  private var windowUpdates = 64

  private var preface: Int
  /// Bytes of a frame's head that have come, at most 8 of 9: they are shifted in.
  private var headBytes = 0
  private var head: (length: UInt32, type: UInt8, flags: UInt8, stream: UInt32) = (0, 0, 0, 0)
  private var payload = 0
  private var isBlockOpen = false
  private var endsBlock = false
  private var continuations = 0

  private var highestStream: UInt32 = 0
  /// Streams that can no longer be opened, in order.
  private var skipped: [ClosedRange<UInt32>] = []

  private static let headLength = 9
  private static let prefaceLength = 24
  private static let mostWindowUpdates = 1 << 14

  init(_ settings: HTTP2Settings, role: HTTP2Role, now: UInt64) {
    self.settings = settings
    self.role = role
    resets = TokenBucket(settings.resets, now: now)
    controlFrames = TokenBucket(settings.controlFrames, now: now)
    preface = role == .server ? Self.prefaceLength : 0
  }

  /// Part of a header block has come, and not all of it.
  var isReadingHead: Bool { isBlockOpen }

  /// A frame of DATA was sent: its reader tells what it has read, for the stream and the connection, maybe in pieces.
  mutating func sentData(_ length: Int) {
    windowUpdates = min(Self.mostWindowUpdates, windowUpdates + 2 + length / 512)
  }

  /// A stream of the peer's was reset by us, through its fault.
  mutating func hadToReset(now: UInt64) -> Bool { resets.take(now: now) }

  /// - Returns: how many of the bytes may be processed, and what is wrong behind them.
  mutating func judge(_ bytes: UnsafeRawBufferPointer, now: UInt64) -> (accepted: Int, violation: HTTP2Violation?) {
    var place = 0
    let start = min(preface, bytes.count)
    preface -= start
    place += start
    var frameStart = place
    while place < bytes.count {
      if payload > 0 {
        let count = min(payload, bytes.count - place)
        payload -= count
        place += count
        if payload == 0 { endFrame() }
        frameStart = place
        continue
      }
      shiftIn(bytes[place])
      place += 1
      if headBytes == Self.headLength {
        headBytes = 0
        payload = Int(head.length)
        if let violation = judgeFrame(now: now) { return (frameStart, violation) }
        if payload == 0 { endFrame() }
        frameStart = place
      }
    }
    return (bytes.count, nil)
  }

  private mutating func shiftIn(_ byte: UInt8) {
    switch headBytes {
    case 0: head.length = UInt32(byte)
    case 1, 2: head.length = head.length << 8 | UInt32(byte)
    case 3: head.type = byte
    case 4: head.flags = byte
    case 5: head.stream = UInt32(byte & 0x7F)
    default: head.stream = head.stream << 8 | UInt32(byte)
    }
    headBytes += 1
  }

  private mutating func endFrame() {
    if endsBlock {
      endsBlock = false
      isBlockOpen = false
    }
  }

  // MARK: - Rules

  private enum FrameType {
    static let data: UInt8 = 0
    static let headers: UInt8 = 1
    static let reset: UInt8 = 3
    static let pushPromise: UInt8 = 5
    static let windowUpdate: UInt8 = 8
    static let continuation: UInt8 = 9
  }

  private enum Flag {
    static let endStream: UInt8 = 1
    static let endHeaders: UInt8 = 4
  }

  private mutating func judgeFrame(now: UInt64) -> HTTP2Violation? {
    switch head.type {
    case FrameType.data:
      guard head.length == 0, head.flags & Flag.endStream == 0 else { return nil }
      return controlFrames.take(now: now) ? nil : .controlFrames
    case FrameType.headers:
      continuations = 0
      isBlockOpen = true
      endsBlock = head.flags & Flag.endHeaders != 0
      return role == .server ? judgeStream() : nil
    case FrameType.continuation:
      continuations += 1
      endsBlock = head.flags & Flag.endHeaders != 0
      return continuations > settings.continuations ? .continuations : nil
    case FrameType.reset:
      return resets.take(now: now) ? nil : .resets
    case FrameType.windowUpdate where windowUpdates > 0:
      windowUpdates -= 1
      return nil
    case FrameType.pushPromise:
      return nil
    default:
      return controlFrames.take(now: now) ? nil : .controlFrames
    }
  }

  private mutating func judgeStream() -> HTTP2Violation? {
    let stream = head.stream
    // What nghttp2 refuses by itself.
    guard stream % 2 == 1 else { return nil }
    if stream > highestStream {
      let next = highestStream == 0 ? 1 : highestStream + 2
      if stream > next {
        guard skipped.count < settings.skippedStreams else { return .streamIdentifier }
        skipped.append(next...(stream - 2))
      }
      highestStream = stream
      windowUpdates = min(Self.mostWindowUpdates, windowUpdates + 2)
      return nil
    }
    return skipped.contains { $0.contains(stream) } ? .streamIdentifier : nil
  }

  /// Whether the stream at fault was skipped before; otherwise too many were skipped.
  var openedSkippedStream: Bool { head.stream <= highestStream }
}
