import NIOCore
import NIOHTTP1

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How the connection goes on after a response, as its head says it (RFC 9112 section 9).
enum ConnectionField {
  /// Stays; said on HTTP/1.0 only, where it is not the default.
  case keepAlive(sayIt: Bool)
  case close
}

/// Heads as bytes. One per loop, because it keeps the Date field of the current second.
struct ResponseWriter {
  private var second: time_t = -1
  private var dateLine = ""

  /// A whole answer; large bodies are left to the caller, who sends them behind the head without copying.
  mutating func write(
    _ response: HTTPResponse, isHead: Bool, connection: ConnectionField, into buffer: inout ByteBuffer
  ) {
    beginHead(response.status, response.headers, into: &buffer)
    if response.status >= 200 && response.status != 204 && response.status != 304 {
      buffer.writeString("Content-Length: \(response.body?.readableBytes ?? 0)\r\n")
      endHead(connection, into: &buffer)
      if !isHead, let body = response.body, body.readableBytes <= Self.copied { buffer.writeImmutableBuffer(body) }
    } else {
      endHead(connection, into: &buffer)
    }
  }

  /// Bodies up to this many bytes are copied behind their head, so that both leave in one write.
  static let copied = 16 * 1024

  mutating func writeStreamHead(
    _ status: Int, _ headers: HTTPHeaders, chunked: Bool, into buffer: inout ByteBuffer
  ) {
    beginHead(status, headers, into: &buffer)
    if chunked { buffer.writeStaticString("Transfer-Encoding: chunked\r\n") }
    endHead(.close, into: &buffer)
  }

  mutating func writeSwitch(_ headers: HTTPHeaders, into buffer: inout ByteBuffer) {
    beginHead(101, headers, into: &buffer)
    buffer.writeStaticString("Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
  }

  private mutating func beginHead(_ status: Int, _ headers: HTTPHeaders, into buffer: inout ByteBuffer) {
    buffer.reserveCapacity(minimumWritableBytes: 512)
    buffer.writeString("HTTP/1.1 \(status) \(HTTPResponseStatus(statusCode: status).reasonPhrase)\r\n")
    for (name, value) in headers where !Self.isOurs(name) {
      buffer.writeString(name)
      buffer.writeStaticString(": ")
      Self.write(value: value, into: &buffer)
      buffer.writeStaticString("\r\n")
    }
    refreshDate()
    buffer.writeString(dateLine)
  }

  private func endHead(_ connection: ConnectionField, into buffer: inout ByteBuffer) {
    switch connection {
    case .keepAlive(sayIt: true): buffer.writeStaticString("Connection: keep-alive\r\n\r\n")
    case .keepAlive(sayIt: false): buffer.writeStaticString("\r\n")
    case .close: buffer.writeStaticString("Connection: close\r\n\r\n")
    }
  }

  /// The fields that describe the framing and the connection are decided here alone.
  private static func isOurs(_ name: String) -> Bool {
    for ours in ["connection", "content-length", "date", "transfer-encoding", "upgrade", "keep-alive"]
    where equalIgnoringCase(name.utf8, ours.utf8) {
      return true
    }
    return false
  }

  /// A line end in a value would let its author write fields, or a response, of their own.
  private static func write(value: String, into buffer: inout ByteBuffer) {
    if value.utf8.allSatisfy({ $0 >= 0x20 || $0 == 0x09 }) {
      buffer.writeString(value)
    } else {
      buffer.writeBytes(value.utf8.lazy.map { $0 >= 0x20 || $0 == 0x09 ? $0 : 0x20 })
    }
  }

  private mutating func refreshDate() {
    let now = time(nil)
    guard now != second else { return }
    second = now
    dateLine = "Date: \(Self.httpDate(now))\r\n"
  }

  /// IMF-fixdate (RFC 9110 section 5.6.7).
  static func httpDate(_ time: time_t) -> String {
    var seconds = time
    var parts = tm()
    gmtime_r(&seconds, &parts)
    let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let day = "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(parts.tm_year + 1900)"
    return "\(day) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
  }
}
