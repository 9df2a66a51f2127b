import NIOCore
import HTTPSyntax

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
  /// No longer HTTP's.
  case upgrade
}

/// Heads as bytes. One per loop, because it keeps the Date field of the current second.
struct ResponseWriter {
  private var second: time_t = -1
  private var dateLine: [UInt8] = []
  /// The head under way; only its space is kept.
  private var head: [UInt8] = []

  /// A whole answer; large bodies are left to the caller, who sends them behind the head without copying.
  mutating func write(
    _ response: HTTPResponse, isHead: Bool, connection: ConnectionField, into buffer: inout ByteBuffer
  ) {
    beginHead(response.status, response.lines, response.headers)
    let body = response.body
    let isFramed = response.status >= 200 && response.status != 204 && response.status != 304
    if isFramed {
      put("Content-Length: ")
      putDecimal(body?.readableBytes ?? 0)
      put("\r\n")
    }
    endHead(connection, into: &buffer)
    if isFramed, !isHead, let body, body.readableBytes <= Self.copied { buffer.writeImmutableBuffer(body) }
  }

  /// Bodies up to this many bytes are copied behind their head, so that both leave in one write.
  static let copied = 16 * 1024

  mutating func writeStreamHead(
    _ status: Int, _ headers: HTTPHeaders, chunked: Bool, into buffer: inout ByteBuffer
  ) {
    beginHead(status, [:], headers)
    if chunked { put("Transfer-Encoding: chunked\r\n") }
    endHead(.close, into: &buffer)
  }

  mutating func writeSwitch(_ headers: HTTPHeaders, into buffer: inout ByteBuffer) {
    beginHead(101, [:], headers)
    endHead(.upgrade, into: &buffer)
  }

  private mutating func beginHead(_ status: Int, _ lines: FieldLines, _ headers: HTTPHeaders) {
    head.append(contentsOf: Self.statusLines[status - 100])
    head.append(contentsOf: lines.bytes)
    if !headers.isEmpty { head.append(contentsOf: FieldLines(headers).bytes) }
    refreshDate()
    head.append(contentsOf: dateLine)
  }

  /// From 100 on.
  private static let statusLines: [[UInt8]] = (100...599).map { status in
    Array("HTTP/1.1 \(status) \(ReasonPhrase.of(status))\r\n".utf8)
  }

  private mutating func endHead(_ connection: ConnectionField, into buffer: inout ByteBuffer) {
    switch connection {
    case .keepAlive(sayIt: true): put("Connection: keep-alive\r\n\r\n")
    case .keepAlive(sayIt: false): put("\r\n")
    case .close: put("Connection: close\r\n\r\n")
    case .upgrade: put("Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    }
    buffer.writeBytes(head)
    head.removeAll(keepingCapacity: true)
  }

  private mutating func put(_ text: StaticString) {
    head.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  private mutating func putDecimal(_ number: Int) {
    var unit = 1
    while number / unit >= 10 { unit *= 10 }
    while unit > 0 {
      head.append(UInt8(ascii: "0") + UInt8(number / unit % 10))
      unit /= 10
    }
  }

  /// The Date field's value.
  var date: ArraySlice<UInt8> {
    mutating get {
      refreshDate()
      return dateLine.dropFirst(6).dropLast(2)
    }
  }

  private mutating func refreshDate() {
    let now = time(nil)
    guard now != second else { return }
    second = now
    dateLine = Array("Date: \(Self.httpDate(now))\r\n".utf8)
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
