/// A request method (RFC 9110 section 9). The case of its letters matters.
// swift-format-ignore: AlwaysUseLowerCamelCase
package struct HTTPMethod: RawRepresentable, Hashable, Sendable {
  package let rawValue: String

  package init(rawValue: String) { self.rawValue = rawValue }

  package static let DELETE = HTTPMethod(rawValue: "DELETE")
  package static let GET = HTTPMethod(rawValue: "GET")
  package static let HEAD = HTTPMethod(rawValue: "HEAD")
  package static let OPTIONS = HTTPMethod(rawValue: "OPTIONS")
  package static let PATCH = HTTPMethod(rawValue: "PATCH")
  package static let POST = HTTPMethod(rawValue: "POST")
  package static let PUT = HTTPMethod(rawValue: "PUT")
}
