package import Configuration
package import Logging
import StreamStores
import WireFormat

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// One line an event on standard error, as text or as JSON.
package struct GatewayLogHandler: LogHandler {
  package var logLevel: Logger.Level
  package var metadata: Logger.Metadata = [:]
  private let format: LogFormat
  private let write: @Sendable (String) -> Void

  package init(
    level: LogLevel, format: LogFormat, write: @escaping @Sendable (String) -> Void = GatewayLogHandler.writeToError
  ) {
    logLevel = Logger.Level(rawValue: level.rawValue) ?? .info
    self.format = format
    self.write = write
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    let fields = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
    let time = Self.timestamp(SystemClock.now.wall)
    switch format {
    case .text:
      let suffix = fields.map { " \($0.key)=\(Self.quotedIfNeeded("\($0.value)"))" }.joined()
      write("\(time) \(event.level.rawValue) \(Self.oneLine("\(event.message)"))\(suffix)\n")
    case .json:
      let members: [(String, JSONValue)] = [
        ("time", .string(time)), ("level", .string(event.level.rawValue)), ("message", .string("\(event.message)")),
      ]
      let object = JSONValue.object(members + fields.map { ($0.key, .string("\($0.value)")) })
      write(String(decoding: object.encoded, as: UTF8.self) + "\n")
    }
  }

  @Sendable package static func writeToError(_ line: String) {
    _ = line.withCString { Glibc.write(STDERR_FILENO, $0, strlen($0)) }
  }

  private static func oneLine(_ text: String) -> String {
    String(text.map { $0.isNewline ? " " : $0 })
  }

  /// A value that has blanks or quotes is written as a JSON string, so that a line can be split again.
  private static func quotedIfNeeded(_ value: String) -> String {
    let isPlain = !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "\"") && $0 != 0x7f }
    return isPlain ? value : String(decoding: JSONValue.string(value).encoded, as: UTF8.self)
  }

  /// RFC 3339 in UTC, to the millisecond.
  static func timestamp(_ milliseconds: Int64) -> String {
    var seconds = time_t(milliseconds / 1000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let fraction = String(1000 + milliseconds % 1000).dropFirst()
    return "\(1900 + parts.tm_year)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
      + "T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(fraction)Z"
  }
}
