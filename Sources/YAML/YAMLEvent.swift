import CYAML

/// A step of libyaml's parser.
struct YAMLEvent {
  enum Kind {
    case streamEnd, documentStart, documentEnd
    case alias(String)
    case scalar(String, YAMLNode.Style, anchor: String?)
    case sequenceStart(anchor: String?)
    case sequenceEnd
    case mappingStart(anchor: String?)
    case mappingEnd
    /// The start of the stream, which says nothing.
    case other
  }

  let kind: Kind
  let mark: YAMLMark

  /// Copies everything, so that `event` can be freed.
  init(_ event: yaml_event_t) {
    mark = YAMLMark(event.start_mark)
    kind =
      switch event.type {
      case YAML_STREAM_END_EVENT: .streamEnd
      case YAML_DOCUMENT_START_EVENT: .documentStart
      case YAML_DOCUMENT_END_EVENT: .documentEnd
      case YAML_ALIAS_EVENT: .alias(Self.text(event.data.alias.anchor) ?? "")
      case YAML_SCALAR_EVENT:
        .scalar(
          // A scalar in double quotes may contain NUL ("\0").
          String(
            decoding: UnsafeBufferPointer(start: event.data.scalar.value, count: event.data.scalar.length),
            as: UTF8.self),
          Self.style(event.data.scalar.style), anchor: Self.text(event.data.scalar.anchor))
      case YAML_SEQUENCE_START_EVENT: .sequenceStart(anchor: Self.text(event.data.sequence_start.anchor))
      case YAML_SEQUENCE_END_EVENT: .sequenceEnd
      case YAML_MAPPING_START_EVENT: .mappingStart(anchor: Self.text(event.data.mapping_start.anchor))
      case YAML_MAPPING_END_EVENT: .mappingEnd
      default: .other
      }
  }

  private static func text(_ pointer: UnsafePointer<UInt8>?) -> String? { pointer.map { String(cString: $0) } }

  private static func style(_ style: yaml_scalar_style_t) -> YAMLNode.Style {
    switch style {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE: .singleQuoted
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE: .doubleQuoted
    case YAML_LITERAL_SCALAR_STYLE: .literal
    case YAML_FOLDED_SCALAR_STYLE: .folded
    default: .plain
    }
  }
}

extension YAMLMark {
  /// libyaml counts from 0.
  init(_ mark: yaml_mark_t) { self.init(line: mark.line + 1, column: mark.column + 1) }
}
