import HTTP2
import NIOCore

/// A client and a server, joined in memory.
final class ConnectionPair {
  let client: HTTP2Connection
  let server: HTTP2Connection
  var now: UInt64 = 1000

  init(client: HTTP2Settings = HTTP2Settings(), server: HTTP2Settings = HTTP2Settings()) throws {
    self.client = HTTP2Connection(client, role: .client, now: now)
    self.server = HTTP2Connection(server, role: .server, now: now)
    try exchange()
  }

  deinit {
    client.free()
    server.free()
  }

  /// Carries bytes until neither end has any.
  func exchange(limit: Int = 1 << 16) throws {
    while client.hasOutput || server.hasOutput {
      try carry(from: client, to: server, limit: limit)
      try carry(from: server, to: client, limit: limit)
    }
  }

  func carry(from: HTTP2Connection, to: HTTP2Connection, limit: Int) throws(HTTP2Violation) {
    var bytes = ByteBuffer()
    _ = from.produce(into: &bytes, limit: limit)
    try bytes.withUnsafeReadableBytes { (bytes) throws(HTTP2Violation) in try to.receive(bytes, now: now) }
  }

  /// A GET that the server has seen.
  func openStream(_ path: String = "/") throws -> Int32 {
    let fields = HTTP2Fields(method: "GET", authority: "example.org", path: path)
    guard let stream = client.request(fields, endsStream: true) else { throw NoStream() }
    try exchange()
    return stream
  }

  struct NoStream: Error {}

  func takeEvents(of connection: HTTP2Connection) -> [HTTP2Event] {
    var events: [HTTP2Event] = []
    while let event = connection.nextEvent() { events.append(event) }
    return events
  }

  /// - Returns: the bodies of all streams that came, without consuming them.
  func bodies(of connection: HTTP2Connection) -> [Int32: [UInt8]] {
    var bodies: [Int32: [UInt8]] = [:]
    for case .body(let stream, let bytes) in takeEvents(of: connection) {
      bodies[stream, default: []] += bytes.readableBytesView
    }
    return bodies
  }
}
