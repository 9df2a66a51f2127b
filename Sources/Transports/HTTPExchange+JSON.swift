package import HTTPServer
import NIOCore
package import HTTPSyntax
package import WireFormat

extension HTTPExchange {
  /// Answers with a JSON body that nobody may cache.
  ///
  /// - Parameter lines: `FieldLines.json`, perhaps with more behind.
  package func respond(_ status: Int, json: [UInt8], lines: FieldLines = .json, headers: HTTPHeaders = [:]) {
    respond(HTTPResponse(status: status, lines: lines, headers: headers, body: ByteBuffer(bytes: json)))
  }

  /// Answers with a problem (RFC 9457).
  package func refuse(_ problem: Problem, headers: HTTPHeaders = [:]) {
    respond(HTTPResponse(problem, headers: headers))
  }
}

extension FieldLines {
  /// Of a JSON body that nobody may cache.
  package static let json: FieldLines = ["Content-Type": "application/json", "Cache-Control": "no-store"]
}

extension HTTPResponse {
  package init(_ problem: Problem, headers: HTTPHeaders = [:]) {
    var headers = headers
    headers.replaceOrAdd(name: "Content-Type", value: Problem.contentType)
    headers.replaceOrAdd(name: "Cache-Control", value: "no-store")
    if let retryAfter = problem.retryAfter { headers.replaceOrAdd(name: "Retry-After", value: "\(retryAfter)") }
    if let current = problem.current { headers.replaceOrAdd(name: "ETag", value: "\"\(current)\"") }
    self.init(status: problem.status, headers: headers, body: ByteBuffer(bytes: problem.body))
  }
}
