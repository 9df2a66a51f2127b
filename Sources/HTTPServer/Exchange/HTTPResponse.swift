package import NIOCore
package import HTTPSyntax

/// A complete answer. The server adds Date, Content-Length and Connection, and leaves the body out for HEAD; a route
/// that sets those fields itself is not heeded.
package struct HTTPResponse: Sendable {
  package var status: Int
  /// What many answers have alike, written already; stands before `headers`.
  package var lines: FieldLines
  package var headers: HTTPHeaders
  package var body: ByteBuffer?

  package init(
    status: Int, lines: FieldLines = [:], headers: HTTPHeaders = [:], body: ByteBuffer? = nil
  ) {
    self.status = status
    self.lines = lines
    self.headers = headers
    self.body = body
  }
}
