/// A version of HTTP (RFC 9110 section 2.5).
// swift-format-ignore: AlwaysUseLowerCamelCase
package struct HTTPVersion: Hashable, Sendable {
  package let major: UInt8
  package let minor: UInt8

  @inlinable package init(major: UInt8, minor: UInt8) {
    self.major = major
    self.minor = minor
  }

  @inlinable package static var http1_0: HTTPVersion { HTTPVersion(major: 1, minor: 0) }
  @inlinable package static var http1_1: HTTPVersion { HTTPVersion(major: 1, minor: 1) }
  @inlinable package static var http2: HTTPVersion { HTTPVersion(major: 2, minor: 0) }
}
