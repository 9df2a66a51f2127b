/// Text as a YAML scalar: plain where YAML reads it back unchanged, else in double quotes.
enum YAMLText {
  /// - Parameter inFlow: inside `[…]` or `{…}`, where commas, colons and brackets can end a plain scalar.
  static func scalar(_ text: String, inFlow: Bool = false) -> String {
    guard needsQuotes(text, inFlow: inFlow) else { return text }
    let escaped = text.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] }
    return "\"\(String(escaped))\""
  }

  private static func needsQuotes(_ text: String, inFlow: Bool) -> Bool {
    guard let first = text.first else { return true }
    if "[]{}>|*&!%#`@,?:-'\"~ ".contains(first) || text.hasSuffix(" ") || text.hasSuffix(":") { return true }
    if text == "null" { return true }
    if inFlow, text.contains(where: { ",:[]{}".contains($0) }) { return true }
    var previous: Character = " "
    for character in text {
      if previous == ":", character == " " { return true }
      if previous == " ", character == "#" { return true }
      previous = character
    }
    return false
  }
}
