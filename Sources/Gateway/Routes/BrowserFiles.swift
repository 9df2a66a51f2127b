import BrowserClient
import HTTPServer
import NIOCore
import NIOHTTP1
import Transports
import WireFormat

/// Files for browsers at their paths, each with an answer made once.
struct BrowserFiles: Sendable {
  static let methods = ["GET", "HEAD"]

  /// What clients find: the client, and the demo unless it is switched off.
  static func open(demo: Bool) -> BrowserFiles { BrowserFiles(BrowserFile.client + (demo ? BrowserFile.demo : [])) }
  /// What operators find.
  static let admin = BrowserFiles(BrowserFile.client + BrowserFile.console)

  private struct Answer {
    var headers: HTTPHeaders
    var body: ByteBuffer
    var etag: String
  }

  private let answers: [String: Answer]

  private init(_ files: [BrowserFile]) {
    answers = Dictionary(
      uniqueKeysWithValues: files.map { file in
        (file.path, Answer(headers: Self.headers(file), body: ByteBuffer(bytes: file.bytes), etag: file.etag))
      })
  }

  func contains(_ path: String) -> Bool { answers[path] != nil }

  /// Answers a request for one of them.
  func answer(_ exchange: any HTTPExchange, _ path: String) {
    guard let answer = answers[path] else { return exchange.refuse(.notFound(path)) }
    let method = exchange.request.method
    guard Self.methods.contains(method) else {
      return exchange.refuse(
        .methodNotAllowed(method, allowed: Self.methods), headers: ["Allow": Self.methods.joined(separator: ", ")])
    }
    let known = exchange.request.headers[canonicalForm: "if-none-match"]
    guard !known.contains(where: { $0 == answer.etag || $0 == "W/\(answer.etag)" || $0 == "*" }) else {
      return exchange.respond(HTTPResponse(status: 304, headers: answer.headers))
    }
    exchange.respond(HTTPResponse(status: 200, headers: answer.headers, body: answer.body))
  }

  private static func headers(_ file: BrowserFile) -> HTTPHeaders {
    var headers: HTTPHeaders = [
      "Content-Type": file.contentType, "ETag": file.etag, "Cache-Control": "no-cache",
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
