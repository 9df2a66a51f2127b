/// A value as it was written, whatever it was written in: a file, an environment variable or a flag.
struct ConfigurationNode: Equatable {
  enum Content: Equatable {
    /// A key with nothing after it.
    case nothing
    case text(String)
    case list([ConfigurationNode])
    case group([Member])
  }

  struct Member: Equatable {
    var key: String
    var line: Int?
    var value: ConfigurationNode
  }

  var content: Content
  /// From 1; `nil` outside a file.
  var line: Int?

  /// For a value that is no file of its own: its lines would be taken for lines of the file.
  var withoutLines: ConfigurationNode {
    switch content {
    case .nothing, .text: ConfigurationNode(content: content)
    case .list(let items): ConfigurationNode(content: .list(items.map(\.withoutLines)))
    case .group(let members):
      ConfigurationNode(content: .group(members.map { Member(key: $0.key, line: nil, value: $0.value.withoutLines) }))
    }
  }

  /// For errors: what stands here.
  var found: String {
    switch content {
    case .nothing: "nothing"
    case .text(let text): "\"\(text)\""
    case .list: "a list"
    case .group: "a group of settings"
    }
  }
}

/// One thing wrong with a value, before it is known which setting and which source it belongs to.
struct ValueProblem: Error, Equatable {
  /// Below the setting's own path: `[2].history.age`.
  var subpath = ""
  var line: Int?
  var message: String
}

extension ValueProblem {
  /// - Parameter path: the group's, below the setting's own.
  init(unknown member: ConfigurationNode.Member, at path: String, known: [String]) {
    let suggestion = Suggestion.phrase(for: member.key, among: known)
    self.init(
      subpath: "\(path).\(member.key)", line: member.line,
      message: "is unknown\(suggestion); here may stand \(known.joined(separator: ", "))")
  }
}

/// Everything wrong with one value.
struct ValueProblems: Error {
  var list: [ValueProblem]

  init(_ list: [ValueProblem]) { self.list = list }

  init(_ message: String, at node: ConfigurationNode) {
    self.list = [ValueProblem(line: node.line, message: message)]
  }

  init(found node: ConfigurationNode, expected: String) {
    self.init("found \(node.found), expected \(expected)", at: node)
  }
}
