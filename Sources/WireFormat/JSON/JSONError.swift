/// The rule of RFC 8259 that a text breaks, and the index of the byte that breaks it.
package enum JSONError: Error, Equatable, Sendable {
  /// What the grammar allows where something else stands.
  package enum Expectation: String, Sendable {
    case value = "a value"
    case key = "a key in double quotes"
    case keyOrEnd = "a key in double quotes or '}'"
    case colon = "':'"
    case commaOrObjectEnd = "',' or '}'"
    case commaOrArrayEnd = "',' or ']'"
    case valueOrArrayEnd = "a value or ']'"
  }

  /// Nothing but whitespace.
  case empty
  /// The text ends inside a value.
  case truncated(at: Int)
  case unexpectedByte(UInt8, at: Int, expected: Expectation)
  /// Something follows the one value a text has.
  case trailingBytes(at: Int)
  case invalidNumber(at: Int)
  case invalidEscape(at: Int)
  /// A byte below 0x20 in a string, where it must be escaped.
  case controlCharacter(UInt8, at: Int)
  case invalidUTF8(at: Int)
  case tooDeep(at: Int, limit: Int)

  /// The index of the byte at fault; for `truncated` the length of the text.
  package var index: Int {
    switch self {
    case .empty: 0
    case .truncated(let at), .unexpectedByte(_, let at, _), .trailingBytes(let at), .invalidNumber(let at),
      .invalidEscape(let at), .controlCharacter(_, let at), .invalidUTF8(let at), .tooDeep(let at, _):
      at
    }
  }
}

extension JSONError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .empty: "there is no JSON value; the shortest one is null"
    case .truncated(let at): "the JSON ends too early, after \(at) bytes"
    case .unexpectedByte(0xef, let at, let expected) where at == 0:
      "byte 0 begins a byte order mark or another character where \(expected.rawValue) must stand; JSON has no mark"
    case .unexpectedByte(let byte, let at, let expected):
      "\(Quoting.byte(byte)) at byte \(at), where \(expected.rawValue) must stand"
    case .trailingBytes(let at): "something follows the JSON value at byte \(at); send one value"
    case .invalidNumber(let at):
      "the number is broken at byte \(at); write it like -12.5e3, without '+', leading zeros or a bare dot"
    case .invalidEscape(let at):
      "the escape at byte \(at) is none of \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\u with four hex digits"
    case .controlCharacter(let byte, let at):
      "\(Quoting.byte(byte)) at byte \(at) must be escaped in a string, as \\n or \\u00XX"
    case .invalidUTF8(let at): "the text is not UTF-8 at byte \(at)"
    case .tooDeep(let at, let limit): "arrays and objects are nested deeper than \(limit) at byte \(at)"
    }
  }
}
