/// A position in a text.
package struct YAMLMark: Sendable, Equatable {
  /// Counted from 1.
  package var line: Int
  /// Counted from 1, in Unicode scalars.
  package var column: Int

  package init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }
}

/// A value of a YAML document. A scalar stays the text that was written: the reader decides whether `1_000` or `off` is a
/// number, a truth value or a word. Tags (`!!int`) are therefore ignored.
package struct YAMLNode: Sendable, Equatable {
  package enum Style: Sendable, Equatable {
    case plain, singleQuoted, doubleQuoted
    /// A block after `|`, which keeps line breaks.
    case literal
    /// A block after `>`, which joins lines.
    case folded
  }

  package enum Content: Sendable, Equatable {
    case scalar(String, Style)
    case sequence([YAMLNode])
    /// In the order of the text; keys are unique.
    case mapping([YAMLMember])
  }

  package var content: Content
  /// The first character of the value, or of its tag or anchor. An alias gives the mark of the anchored value.
  package var mark: YAMLMark

  package init(_ content: Content, at mark: YAMLMark) {
    self.content = content
    self.mark = mark
  }
}

/// A key of a mapping and its value.
package struct YAMLMember: Sendable, Equatable {
  package var key: String
  /// Where the key begins.
  package var mark: YAMLMark
  package var value: YAMLNode

  package init(_ key: String, at mark: YAMLMark, _ value: YAMLNode) {
    self.key = key
    self.mark = mark
    self.value = value
  }
}

/// A key that a mapping had already.
package struct YAMLRepeatedKey: Sendable, Equatable {
  package var key: String
  package var mark: YAMLMark
  /// Where the mapping has the key for the first time.
  package var first: YAMLMark

  package init(_ key: String, at mark: YAMLMark, first: YAMLMark) {
    self.key = key
    self.mark = mark
    self.first = first
  }
}
