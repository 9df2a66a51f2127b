/// Limits of one message, in bytes but for `headerCount`.
package struct HTTPLimits: Equatable, Sendable {
  package var startLine: Int
  /// Of all header fields together, and again of all trailer fields together.
  package var headerBytes: Int
  /// Number of header fields, and again of trailer fields.
  package var headerCount: Int
  /// Of the extensions of one chunk.
  package var chunkExtension = 256

  package init(startLine: Int = 8192, headerBytes: Int = 16384, headerCount: Int = 100) {
    self.startLine = startLine
    self.headerBytes = headerBytes
    self.headerCount = headerCount
  }

  /// Of responses: servers and proxies in front of them send more than browsers do (policies, cookies).
  package static var response: HTTPLimits { HTTPLimits(headerBytes: 128 << 10, headerCount: 256) }
}
