import GatewayClient

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Messages and gaps as lines for a person.
enum MessageLine {
  /// `12:03:04.123 orders.42 #17 created {"total":12}`
  static func text(_ message: StreamMessage) -> String {
    let event = message.event.map { " \($0)" } ?? ""
    let data = String(decoding: message.data, as: UTF8.self)
    return "\(time(message.time)) \(message.topic) #\(message.seq)\(event) \(data)"
  }

  /// `--- gap orders.42 up to #16 (expired): messages after a-3 up to a-9 are gone`
  static func text(_ gap: StreamGap) -> String {
    let topic = gap.topic.map { " \($0)" } ?? ""
    let number = gap.seq.map { " up to #\($0)" } ?? ""
    let after = gap.after.map { " after \($0)" } ?? ""
    let through = gap.id.map { " up to \($0)" } ?? ""
    return "--- gap\(topic)\(number) (\(gap.reason)): messages\(after)\(through) are gone"
  }

  /// A message or a gap as it stands in a poll's items; anything else as it came.
  static func text(ofItem raw: [UInt8]) -> String {
    switch SubscriptionItem(raw) {
    case .message(let message): text(message)
    case .gap(let gap): text(gap)
    default: String(decoding: raw, as: UTF8.self)
    }
  }

  /// The local time of day, to the millisecond.
  private static func time(_ milliseconds: Int64) -> String {
    var seconds = time_t(milliseconds / 1000)
    var parts = tm()
    localtime_r(&seconds, &parts)
    func padded(_ number: Int, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map { padded(Int($0), 2) }.joined(separator: ":")
    return "\(clock).\(padded(Int(milliseconds % 1000), 3))"
  }
}
