/// One reply of a Redis, or a part of one (RESP2: connections begin with `HELLO 2`).
package enum RESPValue: Sendable, Equatable {
  /// `+OK`
  case simple(String)
  /// `-ERR …`, the whole text. As a command's reply it is `RedisError.server` instead; inside an array it stays one.
  case error(String)
  case integer(Int64)
  case bulk([UInt8])
  case array([RESPValue])
  /// A bulk or an array that is not there.
  case null
}

extension RESPValue {
  /// A simple string, or a bulk that is UTF-8.
  package var string: String? {
    switch self {
    case .simple(let text): text
    case .bulk(let bytes): String(validating: bytes, as: UTF8.self)
    case .error, .integer, .array, .null: nil
    }
  }

  /// An integer, or a bulk or simple string of decimal digits.
  package var integer: Int64? {
    switch self {
    case .integer(let number): number
    case .bulk(let bytes): bytes.withUnsafeBytes { RESPNumber.parse($0) }
    case .simple(let text): Int64(text)
    case .error, .array, .null: nil
    }
  }

  package var array: [RESPValue]? {
    if case .array(let values) = self { values } else { nil }
  }

  /// Of a bulk or a simple string.
  package var bytes: [UInt8]? {
    switch self {
    case .bulk(let bytes): bytes
    case .simple(let text): Array(text.utf8)
    case .error, .integer, .array, .null: nil
    }
  }

  package var isNull: Bool { self == .null }
}

/// Decimal numbers as RESP has them: an optional sign and digits, within 64 bits.
enum RESPNumber {
  static func parse(_ text: UnsafeRawBufferPointer) -> Int64? {
    let isNegative = text.first == UInt8(ascii: "-")
    let digits = isNegative || text.first == UInt8(ascii: "+") ? 1 : 0
    guard text.count > digits else { return nil }
    // Downwards, since the least number has no counterpart above zero.
    var number: Int64 = 0
    for byte in text[digits...] {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      let (tenfold, overflows) = number.multipliedReportingOverflow(by: 10)
      let (sum, overflowsToo) = tenfold.subtractingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
      if overflows || overflowsToo { return nil }
      number = sum
    }
    if isNegative { return number }
    return number == .min ? nil : -number
  }
}
