/// What a client marks a command with, so that it knows the answer: a JSON number or string of at most 64 bytes,
/// echoed exactly as it was written.
package struct Ref: Hashable, Sendable {
  /// In bytes, with a string's quotes.
  package static let longest = 64

  /// The JSON text.
  package let json: [UInt8]

  /// - Returns: nil if `json` is not one number or string, or is too long.
  package init?(json: [UInt8]) {
    guard json.count <= Ref.longest, let first = json.first,
      first == UInt8(ascii: "\"") || first == UInt8(ascii: "-") || JSON.isDigit(first),
      let token = try? JSON.minified(json)
    else { return nil }
    self.json = token
  }

  package init(_ number: Int) {
    var json: [UInt8] = []
    JSONText.append(Int64(number), to: &json)
    self.json = json
  }
}
