/// A named stream of messages: 1 to 255 bytes of `A-Z a-z 0-9 - _ ~ : @ = + , / .`, where dots separate
/// segments and no segment is empty. A name that begins with `$` is the gateway's own (protocol section 2).
package struct TopicName: Hashable, Sendable, Comparable, CustomStringConvertible {
  package static let longest = 255

  package let string: String

  /// - Throws: the first rule of section 2 that `string` breaks.
  package init(_ string: String) throws(TopicSyntaxError) {
    try TopicSyntax.check(string, wildcards: false)
    self.string = string
  }

  /// Whether the gateway alone may publish to it.
  package var isReserved: Bool { string.utf8.first == UInt8(ascii: "$") }

  package var description: String { string }
  package static func < (a: TopicName, b: TopicName) -> Bool { a.string < b.string }
}

/// The rule of protocol section 2 that a topic or pattern breaks, with what is needed to mend it.
package enum TopicSyntaxError: Error, Equatable, Sendable {
  case empty
  case tooLong(Int, limit: Int)
  case emptySegment
  case forbiddenByte(UInt8, at: Int)
  /// `*` or `>` inside a longer segment, or in a topic where only a pattern may have it.
  case wildcardInSegment(at: Int)
  case wildcardInTopic
  /// `>` stands anywhere but last.
  case tailNotLast
}

extension TopicSyntaxError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .empty: "a topic needs at least one byte"
    case .tooLong(let n, let limit): "it has \(n) bytes; a topic has at most \(limit)"
    case .emptySegment: "a segment between dots is empty; write a.b, not a..b, .a or a."
    case .forbiddenByte(let byte, let at):
      "\(TopicSyntaxError.shown(byte)) at index \(at) is not allowed; use A-Z a-z 0-9 - _ ~ : @ = + , / and dots"
    case .wildcardInSegment(let at): "the wildcard at index \(at) must be a whole segment: a.*.c or a.>"
    case .wildcardInTopic: "it has a wildcard, which only a subscription may have"
    case .tailNotLast: "'>' may only be the last segment"
    }
  }

  /// A byte as a person would type it, or by its number.
  private static func shown(_ byte: UInt8) -> String {
    (0x21...0x7e).contains(byte) ? "'\(Character(Unicode.Scalar(byte)))'" : "byte 0x\(String(byte, radix: 16))"
  }
}

/// The grammar that topics and patterns share.
enum TopicSyntax {
  static let allowed: [Bool] = {
    var table = [Bool](repeating: false, count: 256)
    for byte in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~:@=+,/".utf8 {
      table[Int(byte)] = true
    }
    return table
  }()

  /// - Returns: whether any segment is a wildcard.
  @discardableResult
  static func check(_ string: String, wildcards: Bool) throws(TopicSyntaxError) -> Bool {
    let count = string.utf8.count
    guard count > 0 else { throw .empty }
    guard count <= TopicName.longest else { throw .tooLong(count, limit: TopicName.longest) }
    var segmentStart = 0
    var index = 0
    var pendingWildcard: UInt8?
    var sawTail = false
    var sawWildcard = false
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "."):
        guard index > segmentStart else { throw .emptySegment }
        if sawTail { throw .tailNotLast }
        segmentStart = index + 1
        pendingWildcard = nil
      case UInt8(ascii: "*"), UInt8(ascii: ">"):
        guard wildcards else { throw .wildcardInTopic }
        guard index == segmentStart else { throw .wildcardInSegment(at: index) }
        pendingWildcard = byte
        sawWildcard = true
        sawTail = byte == UInt8(ascii: ">")
      case UInt8(ascii: "$") where index == 0:
        break
      default:
        guard allowed[Int(byte)] else { throw .forbiddenByte(byte, at: index) }
        guard pendingWildcard == nil else { throw .wildcardInSegment(at: segmentStart) }
      }
      index += 1
    }
    guard index > segmentStart else { throw .emptySegment }
    return sawWildcard
  }
}
