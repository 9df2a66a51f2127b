/// Composes the one document of a text: aliases are resolved, and repeated keys are collected.
package struct YAMLComposer {
  /// How deep sequences and mappings may be nested.
  package static let maxDepth = 100
  /// How many nodes the aliases of a document may repeat. Nine aliases of nine aliases, nine levels deep, would otherwise
  /// become a billion nodes for whoever walks the document.
  package static let maxAliasedNodes = 100_000

  /// The keys that a mapping had already, in the order of the text. The document has only the first of each, with its
  /// value. If `compose` throws, these are the keys before the error.
  package private(set) var repeatedKeys: [YAMLRepeatedKey] = []

  private let parser: YAMLParser
  /// A node and the number of nodes in it.
  private var anchors: [String: (node: YAMLNode, count: Int)] = [:]
  /// The nodes composed until now, with those that aliases repeat.
  private var count = 0
  private var aliasedNodes = 0

  package init(_ text: String) { self.init(utf8: Array(text.utf8)) }

  package init(utf8: [UInt8]) { parser = YAMLParser(utf8) }

  /// To be called once.
  ///
  /// - Returns: `nil` if the text has no document: it is empty, or has only comments.
  package mutating func compose() throws(YAMLError) -> YAMLNode? {
    var root: YAMLNode?
    while true {
      let event = try parser.next()
      switch event.kind {
      case .streamEnd: return root
      case .documentStart:
        guard root == nil else {
          throw YAMLError(
            .secondDocument, "expected a single document in the stream but found another document", at: event.mark)
        }
        root = try node(try parser.next(), depth: 0)
      default: continue
      }
    }
  }

  /// - Parameter depth: the number of sequences and mappings around the node.
  private mutating func node(_ event: YAMLEvent, depth: Int) throws(YAMLError) -> YAMLNode {
    if case .alias(let name) = event.kind { return try repeated(name, event.mark) }
    let before = count
    count += 1
    let content: YAMLNode.Content
    let name: String?
    switch event.kind {
    case .scalar(let text, let style, let anchor):
      content = .scalar(text, style)
      name = anchor
    case .sequenceStart(let anchor):
      content = .sequence(try items(event.mark, depth: depth))
      name = anchor
    case .mappingStart(let anchor):
      content = .mapping(try members(event.mark, depth: depth))
      name = anchor
    default: preconditionFailure("libyaml begins a node with \(event.kind)")
    }
    let node = YAMLNode(content, at: event.mark)
    // Only now: an alias inside of the anchored value has no value yet.
    if let name { anchors[name] = (node, count - before) }
    return node
  }

  private mutating func repeated(_ name: String, _ mark: YAMLMark) throws(YAMLError) -> YAMLNode {
    guard let anchored = anchors[name] else { throw YAMLError(.undefinedAlias, "found undefined alias", at: mark) }
    aliasedNodes += anchored.count
    guard aliasedNodes <= Self.maxAliasedNodes else {
      throw YAMLError(.aliasedNodes, "aliases repeat more than \(Self.maxAliasedNodes) values", at: mark)
    }
    count += anchored.count
    return anchored.node
  }

  private mutating func items(_ start: YAMLMark, depth: Int) throws(YAMLError) -> [YAMLNode] {
    try check(depth: depth + 1, start)
    var items: [YAMLNode] = []
    while true {
      let event = try parser.next()
      if case .sequenceEnd = event.kind { return items }
      items.append(try node(event, depth: depth + 1))
    }
  }

  private mutating func members(_ start: YAMLMark, depth: Int) throws(YAMLError) -> [YAMLMember] {
    try check(depth: depth + 1, start)
    var members: [YAMLMember] = []
    var marks: [String: YAMLMark] = [:]
    while true {
      let event = try parser.next()
      if case .mappingEnd = event.kind { return members }
      guard case .scalar(let key, _) = try node(event, depth: depth + 1).content else {
        throw YAMLError(.key, "a key must be a scalar", at: event.mark)
      }
      let first = marks[key]
      if let first {
        repeatedKeys.append(YAMLRepeatedKey(key, at: event.mark, first: first))
      } else {
        marks[key] = event.mark
      }
      let value = try node(try parser.next(), depth: depth + 1)
      if first == nil { members.append(YAMLMember(key, at: event.mark, value)) }
    }
  }

  private func check(depth: Int, _ mark: YAMLMark) throws(YAMLError) {
    guard depth <= Self.maxDepth else {
      throw YAMLError(.depth, "values are nested more than \(Self.maxDepth) levels deep", at: mark)
    }
  }
}
