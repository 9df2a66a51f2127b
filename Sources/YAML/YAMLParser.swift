import CYAML

/// libyaml's parser over one text.
final class YAMLParser {
  /// Allocated, because libyaml keeps a pointer to the parser in the parser.
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  /// libyaml reads the text in place until the last event.
  private let text: UnsafeMutableBufferPointer<UInt8>

  init(_ utf8: [UInt8]) {
    // One byte more, because libyaml asserts that there is a pointer, which an empty buffer may lack.
    text = .allocate(capacity: utf8.count + 1)
    _ = text.initialize(from: utf8 + [0])
    parser = .allocate(capacity: 1)
    parser.initialize(to: yaml_parser_t())
    precondition(yaml_parser_initialize(parser) == 1, "out of memory")
    yaml_parser_set_input_string(parser, text.baseAddress, utf8.count)
    // Otherwise libyaml would take a byte order mark for the beginning of UTF-16.
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
    text.deallocate()
  }

  func next() throws(YAMLError) -> YAMLEvent {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw error }
    defer { yaml_event_delete(&event) }
    return YAMLEvent(event)
  }

  private var error: YAMLError {
    let problem = parser.pointee.problem.map { String(cString: $0) } ?? ""
    switch parser.pointee.error {
    case YAML_READER_ERROR: return YAMLError(.characters, problem, at: mark(offset: parser.pointee.problem_offset))
    case YAML_MEMORY_ERROR: return YAMLError(.outOfMemory, "out of memory", at: YAMLMark(parser.pointee.mark))
    default:
      // "while parsing a block mapping" and "did not find expected key".
      let context = parser.pointee.context.map { String(cString: $0) + " " } ?? ""
      return YAMLError(.syntax, context + problem, at: YAMLMark(parser.pointee.problem_mark))
    }
  }

  /// libyaml gives an error of its reader an offset in bytes and no mark.
  private func mark(offset: Int) -> YAMLMark {
    var mark = YAMLMark(line: 1, column: 1)
    var previous: Unicode.Scalar?
    for scalar in String(decoding: text.prefix(offset), as: UTF8.self).unicodeScalars {
      defer { previous = scalar }
      switch scalar {
      case "\n" where previous == "\r": break
      case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": mark = YAMLMark(line: mark.line + 1, column: 1)
      default: mark.column += 1
      }
    }
    return mark
  }
}
