import WireFormat

/// What is published: bytes and what they are.
struct Payload: Sendable {
  var bytes: [UInt8]
  var contentType: String

  /// - Parameter contentType: as the user said; nil: JSON if it parses as JSON, text if it is UTF-8, bytes otherwise.
  init(_ bytes: [UInt8], contentType: String?) {
    self.bytes = bytes
    self.contentType = contentType ?? Self.guess(bytes)
  }

  private static func guess(_ bytes: [UInt8]) -> String {
    if (try? JSON.validate(bytes)) != nil { return "application/json" }
    if String(validating: bytes, as: UTF8.self) != nil { return "text/plain; charset=utf-8" }
    return "application/octet-stream"
  }

  /// The value of `data` in a batch, which is JSON: nil if the payload is neither JSON nor text.
  var data: JSONValue? {
    let type = contentType.prefix { $0 != ";" }.lowercased()
    if type == "application/json" || type.hasSuffix("+json") {
      return (try? JSON.minified(bytes)).map { .raw($0) }
    }
    if type.hasPrefix("text/") { return String(validating: bytes, as: UTF8.self).map { .string($0) } }
    return nil
  }
}
