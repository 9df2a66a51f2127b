/// The reason why a text cannot be composed into a document.
package struct YAMLError: Error, Sendable, Equatable {
  package enum Kind: Sendable, Equatable {
    /// The text is not UTF-8, or has a character that YAML forbids.
    case characters
    /// The text breaks the grammar.
    case syntax
    /// An alias (`*name`) comes before its anchor (`&name`), or has none.
    case undefinedAlias
    /// The text has a second document.
    case secondDocument
    /// A key is a sequence or a mapping, which YAML allows and this target does not.
    case key
    /// Sequences and mappings are nested deeper than `YAMLComposer.maxDepth`.
    case depth
    /// Aliases repeat more nodes than `YAMLComposer.maxAliasedNodes`.
    case aliasedNodes
    case outOfMemory
  }

  package var kind: Kind
  package var message: String
  package var mark: YAMLMark

  package init(_ kind: Kind, _ message: String, at mark: YAMLMark) {
    self.kind = kind
    self.message = message
    self.mark = mark
  }
}
