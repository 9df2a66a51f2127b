import BrowserClient
import HTTPServer
import NIOCore
import HTTPSyntax
import Transports
import WireFormat

/// Files for browsers at their paths, each with an answer made once.
package struct BrowserFiles: Sendable {
  static let methods = ["GET", "HEAD"]

  /// What clients find: the client, and the demo unless it is switched off.
  static func open(demo: Bool) -> BrowserFiles { BrowserFiles(BrowserFile.client + (demo ? BrowserFile.demo : [])) }
  /// What operators find.
  static let admin = BrowserFiles(BrowserFile.client + BrowserFile.console)

  private struct Answer {
    var headers: HTTPHeaders
    var body: ByteBuffer
    var etag: String

    init(_ file: BrowserFile, isGzipped: Bool) {
      headers = BrowserFiles.headers(file)
      body = ByteBuffer(bytes: isGzipped ? file.gzipped : file.bytes)
      etag = isGzipped ? file.gzippedETag : file.etag
      headers.add(name: "ETag", value: etag)
      if isGzipped { headers.add(name: "Content-Encoding", value: "gzip") }
    }
  }

  private let answers: [String: (plain: Answer, gzipped: Answer)]

  private init(_ files: [BrowserFile]) {
    answers = Dictionary(
      uniqueKeysWithValues: files.map { file in
        (file.path, (Answer(file, isGzipped: false), Answer(file, isGzipped: true)))
      })
  }

  func contains(_ path: String) -> Bool { answers[path] != nil }

  /// Answers a request for one of them.
  func answer(_ exchange: any HTTPExchange, _ path: String) {
    guard let forms = answers[path] else { return exchange.refuse(.notFound(path)) }
    let method = exchange.request.method
    guard Self.methods.contains(method) else {
      return exchange.refuse(
        .methodNotAllowed(method, allowed: Self.methods), headers: ["Allow": Self.methods.joined(separator: ", ")])
    }
    let isGzipTaken = Self.takesGzip(exchange.request.headers[canonicalForm: "accept-encoding"])
    let answer = isGzipTaken ? forms.gzipped : forms.plain
    let known = exchange.request.headers[canonicalForm: "if-none-match"]
    guard !known.contains(where: { $0 == answer.etag || $0 == "W/\(answer.etag)" || $0 == "*" }) else {
      return exchange.respond(HTTPResponse(status: 304, headers: answer.headers))
    }
    exchange.respond(HTTPResponse(status: 200, headers: answer.headers, body: answer.body))
  }

  /// RFC 9110 section 12.5.3; a weight of nothing but zeros says no.
  package static func takesGzip(_ accepted: [some StringProtocol]) -> Bool {
    accepted.contains { coding in
      let parts = coding.lowercased().filter { !$0.isWhitespace }.split(separator: ";")
      guard let name = parts.first, ["gzip", "x-gzip"].contains(name) else { return false }
      let weight = parts.dropFirst().first { $0.hasPrefix("q=") }?.dropFirst(2)
      return weight?.contains { $0 != "0" && $0 != "." } ?? true
    }
  }

  private static func headers(_ file: BrowserFile) -> HTTPHeaders {
    var headers: HTTPHeaders = [
      "Content-Type": file.contentType, "Vary": "Accept-Encoding", "Cache-Control": "no-cache",
      "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    ]
    switch file.kind {
    case .page:
      // Nothing from elsewhere, nothing inline; the stream may be reached by another name of the gateway.
      headers.add(
        name: "Content-Security-Policy",
        value: """
          default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
          connect-src 'self' http: https: ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
          """)
    case .client, .declarations:
      headers.add(name: "Access-Control-Allow-Origin", value: "*")
      headers.add(name: "Cross-Origin-Resource-Policy", value: "cross-origin")
    case .style, .script: break
    }
    return headers
  }
}
