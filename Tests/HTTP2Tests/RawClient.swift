import HTTP2
import NIOCore

/// A server's end, and a peer that sends what it likes.
final class RawClient {
  let server: HTTP2Connection
  var now: UInt64 = 1000

  /// - Parameter greeted: the preface and SETTINGS have been sent, and what came back was read.
  init(_ settings: HTTP2Settings = HTTP2Settings(), greeted: Bool = true) throws {
    server = HTTP2Connection(settings, role: .server, now: now)
    guard greeted else { return }
    try send(Frame.preface + Frame.settings.bytes + Frame(type: Frame.Kind.settings, flags: 1).bytes)
    _ = frames()
  }

  deinit { server.free() }

  func send(_ bytes: [UInt8]) throws(HTTP2Violation) {
    try ByteBuffer(bytes: bytes).withUnsafeReadableBytes { (bytes) throws(HTTP2Violation) in
      try server.receive(bytes, now: now)
    }
  }

  func send(_ frames: Frame...) throws(HTTP2Violation) { try send(frames.flatMap(\.bytes)) }

  /// - Returns: what ended the connection, if anything did.
  func violation(_ frames: [Frame]) -> HTTP2Violation? {
    do throws(HTTP2Violation) { try send(frames.flatMap(\.bytes)) } catch { return error }
    return nil
  }

  /// What the server sends now.
  func frames(limit: Int = 1 << 24) -> [Frame] {
    var buffer = ByteBuffer()
    while server.produce(into: &buffer, limit: limit) {}
    return Frame.all(in: buffer)
  }

  func events() -> [HTTP2Event] {
    var events: [HTTP2Event] = []
    while let event = server.nextEvent() { events.append(event) }
    return events
  }

  /// The code of the GOAWAY that the server sends.
  func goAwayCode() -> UInt32? { frames().first { $0.type == Frame.Kind.goAway }?.code }
}

extension HTTP2Event {
  /// In one line, with all that is in it.
  var summary: String {
    switch self {
    case .head(let stream, let head, let ends):
      "head \(stream) \(head.summary)\(head.isTooLarge ? " too large" : "")\(ends ? " end" : "")"
    case .body(let stream, let bytes): "body \(stream) \(String(buffer: bytes))"
    case .inputEnded(let stream): "end \(stream)"
    case .closed(let stream, let code): "closed \(stream) \(code)"
    case .goingAway(let stream, let code): "away \(stream) \(code)"
    }
  }
}

extension HTTP2Head {
  var summary: String {
    let start = status > 0 ? "\(status)" : "\(text(method)) \(text(path)) \(text(authority)) \(text(scheme))"
    let fields = fields.map { " \(text(bytes[$0.name]))=\(text(bytes[$0.value]))" }
    return start + (self.protocol.map { " :\(text($0))" } ?? "") + fields.joined()
  }

  private func text(_ bytes: ArraySlice<UInt8>?) -> String {
    bytes.map { String(decoding: $0, as: UTF8.self) } ?? "-"
  }
}
