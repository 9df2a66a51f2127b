/// How what somebody sent is shown back to them in an error: short, and printable whatever it was.
enum Quoting {
  /// Enough to recognise it by.
  static let longest = 80

  static func byte(_ byte: UInt8) -> String {
    if (0x21...0x7e).contains(byte) { return "'\(Character(Unicode.Scalar(byte)))'" }
    let digits = String(byte, radix: 16)
    return "0x" + (digits.utf8.count == 1 ? "0" : "") + digits
  }

  /// `text` in single quotes, shortened.
  static func text(_ text: String) -> String { "'\(shortened(text))'" }

  /// `text` cut after `longest` characters, with control characters replaced.
  static func shortened(_ text: String) -> String {
    var shown = String.UnicodeScalarView()
    var count = 0
    for scalar in text.unicodeScalars {
      if count == longest {
        shown.append("…")
        break
      }
      let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
      shown.append(isControl ? "\u{fffd}" : scalar)
      count += 1
    }
    return String(shown)
  }

  /// `a, b and c`.
  static func list(_ names: [String]) -> String {
    guard let last = names.last, names.count > 1 else { return names.first ?? "nothing" }
    return names.dropLast().joined(separator: ", ") + " and " + last
  }

  /// The name somebody who wrote `word` most likely meant: the nearest of `names` with at most two changed,
  /// added or missing letters, and not a change of the whole word.
  static func suggestion(for word: String, among names: [String]) -> String? {
    let word = Array(word.utf8.prefix(65))
    guard word.count <= 64 else { return nil }
    var best: (name: String, distance: Int)?
    for name in names {
      let distance = editDistance(word, Array(name.utf8))
      if distance <= 2, distance < name.utf8.count, distance < best?.distance ?? .max { best = (name, distance) }
    }
    return best?.name
  }

  /// Levenshtein's distance, with one row of the table at a time.
  static func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let substituted = diagonal + (x == y ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substituted, diagonal + 1, row[j] + 1)
      }
    }
    return row[b.count]
  }
}
