/// Why a value cannot be read, worded to stand after the value: `"8080" has no host; write 127.0.0.1:8080`.
struct SettingSyntaxError: Error, Equatable {
  let message: String
  init(_ message: String) { self.message = message }
}

/// Bytes as people write them: `64KiB`, `10MB`, or a plain number of bytes.
package enum ByteSize {
  /// Largest first. A size is written back in the first that divides it.
  static let units: [(name: String, bytes: Int)] = [
    ("GiB", 1 << 30), ("GB", 1_000_000_000), ("MiB", 1 << 20), ("MB", 1_000_000), ("KiB", 1 << 10), ("KB", 1000),
    ("B", 1),
  ]

  static func parse(_ text: String) throws(SettingSyntaxError) -> Int {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let unit = text[digits.endIndex...]
    guard !digits.isEmpty else { throw SettingSyntaxError("is no size; write it like 64KiB, 10MB or 65536 (bytes)") }
    guard let count = Int(decimal: digits) else { throw SettingSyntaxError("is too large") }
    if unit.isEmpty { return count }
    guard let (_, bytes) = units.first(where: { $0.name == unit }) else {
      let names = units.reversed().map(\.name).joined(separator: ", ")
      throw SettingSyntaxError("has the unknown unit \"\(unit)\"; a whole number and one of \(names) is a size")
    }
    let (product, overflow) = count.multipliedReportingOverflow(by: bytes)
    guard !overflow else { throw SettingSyntaxError("is too large") }
    return product
  }

  package static func text(_ bytes: Int) -> String {
    guard bytes > 0, let unit = units.first(where: { bytes.isMultiple(of: $0.bytes) }) else { return "\(bytes)B" }
    return "\(bytes / unit.bytes)\(unit.name)"
  }
}

/// Durations as people write them: `15s`, `500ms`, `1m30s`. A number without a unit is refused: seconds and
/// milliseconds are mixed up too easily.
package enum DurationText {
  /// Largest first, the order in which a compound one has them.
  static let units: [(name: String, milliseconds: Int64)] = [
    ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
  ]

  static func parse(_ text: String) throws(SettingSyntaxError) -> Duration {
    var total: Int64 = 0
    var rest = text[...]
    var nextUnit = units.startIndex
    guard !rest.isEmpty else { throw SettingSyntaxError("is no duration; write it like 15s, 500ms or 1m30s") }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest[digits.endIndex...]
      guard !digits.isEmpty else { throw SettingSyntaxError("is no duration; write it like 15s, 500ms or 1m30s") }
      guard !rest.isEmpty else {
        throw SettingSyntaxError("has no unit; write \(text)s for seconds, \(text)ms, \(text)m …")
      }
      let name = rest.prefix { $0.isLetter }
      rest = rest[name.endIndex...]
      guard let unit = units.firstIndex(where: { $0.name == name }) else {
        throw SettingSyntaxError(
          name.isEmpty
            ? "is not made of whole numbers; write 1s500ms, not 1.5s"
            : "has the unknown unit \"\(name)\"; use ms, s, m, h or d")
      }
      guard unit >= nextUnit else {
        throw SettingSyntaxError("has its units out of order; write the largest first: 1m30s")
      }
      nextUnit = unit + 1
      guard let count = Int64(decimal: digits) else { throw SettingSyntaxError("is too long") }
      let (part, tooLong) = count.multipliedReportingOverflow(by: units[unit].milliseconds)
      let (sum, overflow) = total.addingReportingOverflow(part)
      guard !tooLong, !overflow else { throw SettingSyntaxError("is too long") }
      total = sum
    }
    return .milliseconds(total)
  }

  /// `0s` for nothing; what is finer than a millisecond is left out.
  package static func text(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    var rest = seconds * 1000 + attoseconds / 1_000_000_000_000_000
    var text = ""
    for (name, milliseconds) in units where rest >= milliseconds {
      text += "\(rest / milliseconds)\(name)"
      rest %= milliseconds
    }
    return text.isEmpty ? "0s" : text
  }
}
