import YAML

func compose(_ text: String) throws(YAMLError) -> YAMLNode? {
  var composer = YAMLComposer(text)
  return try composer.compose()
}

func error(_ text: String) -> YAMLError? { error(utf8: Array(text.utf8)) }

func error(utf8: [UInt8]) -> YAMLError? {
  var composer = YAMLComposer(utf8: utf8)
  do {
    _ = try composer.compose()
    return nil
  } catch {
    return error
  }
}

func scalar(_ text: String, _ line: Int, _ column: Int, _ style: YAMLNode.Style = .plain) -> YAMLNode {
  YAMLNode(.scalar(text, style), at: YAMLMark(line: line, column: column))
}

func member(_ key: String, _ line: Int, _ column: Int, _ value: YAMLNode) -> YAMLMember {
  YAMLMember(key, at: YAMLMark(line: line, column: column), value)
}

extension YAMLNode {
  /// The items of a sequence or the values of a mapping.
  var children: [YAMLNode] {
    switch content {
    case .scalar: []
    case .sequence(let items): items
    case .mapping(let members): members.map(\.value)
    }
  }

  /// The text of a scalar.
  var text: String? { if case .scalar(let text, _) = content { text } else { nil } }
}
