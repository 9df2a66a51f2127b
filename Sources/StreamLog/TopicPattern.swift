/// What a subscription, a topic rule or a permission names: a topic, or a topic with wildcards, where `*` is
/// exactly one segment and a final `>` one or more (protocol section 2).
///
/// A pattern whose first segment is a wildcard does not match the gateway's own topics (`$sys.…`): `>` means
/// every topic of the application.
package struct TopicPattern: Hashable, Sendable, CustomStringConvertible {
  package let string: String
  /// The one topic it matches, if it has no wildcard.
  package let exact: TopicName?

  /// - Throws: the first rule of section 2 that `string` breaks.
  package init(_ string: String) throws(TopicSyntaxError) {
    let hasWildcard = try TopicSyntax.check(string, wildcards: true)
    self.string = string
    self.exact = hasWildcard ? nil : try TopicName(string)
  }

  package init(_ topic: TopicName) {
    self.string = topic.string
    self.exact = topic
  }

  package var description: String { string }

  package func matches(_ topic: TopicName) -> Bool {
    if let exact { return exact == topic }
    let pattern = string.utf8
    let name = topic.string.utf8
    let dot = UInt8(ascii: ".")
    var p = pattern.startIndex
    var t = name.startIndex
    if topic.isReserved, pattern.first != UInt8(ascii: "$") { return false }
    while p < pattern.endIndex {
      guard t < name.endIndex else { return false }
      switch pattern[p] {
      case UInt8(ascii: ">"):
        return true
      case UInt8(ascii: "*"):
        p = pattern.index(after: p)
        while t < name.endIndex, name[t] != dot { t = name.index(after: t) }
      default:
        while p < pattern.endIndex, pattern[p] != dot {
          guard t < name.endIndex, name[t] == pattern[p] else { return false }
          p = pattern.index(after: p)
          t = name.index(after: t)
        }
        guard t == name.endIndex || name[t] == dot else { return false }
      }
      if p < pattern.endIndex {
        guard t < name.endIndex else { return false }
        p = pattern.index(after: p)
        t = name.index(after: t)
      }
    }
    return t == name.endIndex
  }

  /// Whether there can be a topic that both match.
  package func overlaps(_ other: TopicPattern) -> Bool {
    if let topic = other.exact { return matches(topic) }
    if let exact { return other.matches(exact) }
    let (mine, theirs) = (string.split(separator: "."), other.string.split(separator: "."))
    // A wildcard in the first place stands for none of the gateway's own topics.
    if (mine[0].first == "$") != (theirs[0].first == "$"), mine[0].first == "$" || theirs[0].first == "$" {
      return false
    }
    for (a, b) in zip(mine, theirs) {
      if a == ">" || b == ">" { return true }
      if a != "*", b != "*", a != b { return false }
    }
    return mine.count == theirs.count
  }
}
