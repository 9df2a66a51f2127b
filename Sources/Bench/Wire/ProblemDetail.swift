import WireFormat

/// The sentence in a problem document (protocol section 7), for people.
enum ProblemDetail {
  /// - Parameter body: an answer's, whatever it is.
  static func of(_ body: UnsafeRawBufferPointer) -> String {
    guard let problem = try? JSONValue(parsing: Array(body)) else { return "no reason given" }
    return problem["detail"]?.stringValue ?? problem["title"]?.stringValue ?? "no reason given"
  }
}
