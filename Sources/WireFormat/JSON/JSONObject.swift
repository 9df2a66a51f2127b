/// An object that somebody sent us, read member by member: a command, a publish request, a stream request.
///
/// Getters return nil for a member that is not there, and refuse one of the wrong type by its name. Every fault is
/// a `Problem` with the member as `parameter`.
package struct JSONObject: Sendable {
  private let bytes: [UInt8]
  private let members: [(key: String, range: Range<Int>)]
  /// What the object is, with its article, for errors: `a publish command`.
  private let what: String

  /// - Parameter what: what the object is, with its article: `a command`.
  /// - Throws: `invalid-json` if `bytes` are no JSON, `bad-request` if they are no object.
  package init(_ bytes: [UInt8], what: String) throws(Problem) {
    do {
      try JSON.validate(bytes)
    } catch {
      throw .invalidJSON(error)
    }
    let start = bytes.firstIndex { !JSON.isBlank($0) } ?? 0
    try self.init(valid: bytes, at: start, what: what)
  }

  /// - Precondition: a valid JSON value begins at `start`.
  private init(valid bytes: [UInt8], at start: Int, what: String) throws(Problem) {
    guard bytes[start] == UInt8(ascii: "{") else { throw .badRequest("\(what) must be a JSON object: {…}.") }
    var parts: [(Range<Int>, Range<Int>)] = []
    var count = 0
    bytes.withUnsafeBufferPointer { buffer in
      var scanner = JSONScanner(buffer, at: start, maxDepth: JSON.maxDepth)
      // It was valid before, so that there is nothing to throw.
      try? scanner.object(depth: 0) { key, value in
        count += 1
        if count <= Self.maxMembers { parts.append((key, value)) }
      }
    }
    guard count <= Self.maxMembers else { throw .badRequest("\(what) has more than \(Self.maxMembers) members.") }
    var members: [(key: String, range: Range<Int>)] = []
    for (key, value) in parts {
      guard let name = JSONText.string(in: bytes, key) else {
        throw .badRequest("a key of \(what) has half a surrogate pair.")
      }
      members.append((name, value))
    }
    self.bytes = bytes
    self.members = members
    self.what = what
  }

  /// Far more than any object that is asked for here has; what has more is counted, not kept.
  private static let maxMembers = 64

  // MARK: - Which members there are

  /// - Throws: for the first member that is not in `allowed`, or that stands twice.
  package func check(allowed: [String]) throws(Problem) {
    for (index, member) in members.enumerated() {
      guard allowed.contains(member.key) else { throw .unknownParameter(member.key, allowed: allowed) }
      guard !members[..<index].contains(where: { $0.key == member.key }) else {
        throw .invalidParameter(member.key, "stands twice in \(what); keep one")
      }
    }
  }

  package func has(_ key: String) -> Bool { range(key) != nil }
  package func isNull(_ key: String) -> Bool { first(key) == UInt8(ascii: "n") }

  // MARK: - Values

  package func string(_ key: String) throws(Problem) -> String? {
    guard let range = range(key) else { return nil }
    guard bytes[range.lowerBound] == UInt8(ascii: "\"") else {
      throw .invalidParameter(key, "must be a string in double quotes")
    }
    return try string(in: range, of: key)
  }

  /// A whole number, written without fraction or exponent.
  package func int(_ key: String, in allowed: ClosedRange<Int> = 0...Int.max) throws(Problem) -> Int? {
    guard let range = range(key) else { return nil }
    guard let number = Int(String(decoding: bytes[range], as: UTF8.self)), allowed.contains(number) else {
      let bounds =
        allowed.upperBound == .max
        ? "not below \(allowed.lowerBound)" : "from \(allowed.lowerBound) to \(allowed.upperBound)"
      throw .invalidParameter(key, "must be a whole number \(bounds), without quotes, fraction or exponent")
    }
    return number
  }

  package func bool(_ key: String) throws(Problem) -> Bool? {
    switch first(key) {
    case nil: return nil
    case UInt8(ascii: "t"): return true
    case UInt8(ascii: "f"): return false
    default: throw .invalidParameter(key, "must be true or false")
    }
  }

  /// - Parameter limit: as for `elements`.
  package func strings(_ key: String, limit: Limit? = nil) throws(Problem) -> [String]? {
    guard let ranges = try elements(key, "must be an array of strings", limit: limit) else { return nil }
    var strings: [String] = []
    strings.reserveCapacity(ranges.count)
    for range in ranges {
      guard bytes[range.lowerBound] == UInt8(ascii: "\"") else {
        throw .invalidParameter(key, "must have strings only")
      }
      strings.append(try string(in: range, of: key))
    }
    return strings
  }

  /// How many elements an array may have, and what is said of more.
  package struct Limit {
    let most: Int
    let refusal: Problem

    package init(_ most: Int, _ refusal: Problem) {
      self.most = most
      self.refusal = refusal
    }
  }

  /// Where each element of an array stands.
  ///
  /// - Parameter limit: judged before anything is built of the elements.
  package func elements(_ key: String, _ reason: String, limit: Limit? = nil) throws(Problem) -> [Range<Int>]? {
    guard let range = range(key) else { return nil }
    guard bytes[range.lowerBound] == UInt8(ascii: "[") else { throw .invalidParameter(key, reason) }
    let most = limit?.most ?? .max
    var ranges: [Range<Int>] = []
    var count = 0
    bytes.withUnsafeBufferPointer { buffer in
      var scanner = JSONScanner(buffer, at: range.lowerBound, maxDepth: JSON.maxDepth)
      try? scanner.array(depth: 0) { element in
        count += 1
        if count <= most { ranges.append(element) }
      }
    }
    if let limit, count > limit.most { throw limit.refusal }
    return ranges
  }

  /// The object that an element of an array is.
  package func object(in element: Range<Int>, what: String) throws(Problem) -> JSONObject {
    try JSONObject(valid: bytes, at: element.lowerBound, what: what)
  }

  /// The value's own text without whitespace between tokens.
  package func raw(_ key: String) -> [UInt8]? {
    guard let range = range(key) else { return nil }
    return bytes.withUnsafeBufferPointer { try? JSON.minified(UnsafeBufferPointer(rebasing: $0[range])) }
  }

  private func string(in range: Range<Int>, of key: String) throws(Problem) -> String {
    guard let text = JSONText.string(in: bytes, range) else {
      throw .invalidParameter(key, "has an escape with half a surrogate pair")
    }
    return text
  }

  private func range(_ key: String) -> Range<Int>? { members.first { $0.key == key }?.range }
  private func first(_ key: String) -> UInt8? { range(key).map { bytes[$0.lowerBound] } }
}
