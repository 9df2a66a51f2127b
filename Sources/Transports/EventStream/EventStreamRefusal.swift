package import HTTPServer
import NIOCore
package import HTTPSyntax
package import WireFormat

extension HTTPResponse {
  /// A whole event stream that only says when to come back: a browser's EventSource that gets anything but 200 never
  /// does.
  package init(eventStreamRefusal problem: Problem, retryMilliseconds: Int, _ headers: HTTPHeaders) {
    let least = max((problem.retryAfter ?? 0) * 1000, retryMilliseconds)
    let later = Control.reconnect(afterMs: least + Int.random(in: 0...least))
    var body = ByteBuffer()
    EventStreamEncoding(framing: .identity, isRaw: false, retryMilliseconds: retryMilliseconds)
      .append(later, isRewinding: false, to: &body)
    var headers = headers
    headers.addEventStreamFields()
    self.init(status: 200, headers: headers, body: body)
  }
}

extension HTTPHeaders {
  mutating func addEventStreamFields() { addStreamFields(contentType: "text/event-stream") }

  /// What keeps caches and proxies from holding a stream back (protocol section 4).
  mutating func addStreamFields(contentType: String) {
    replaceOrAdd(name: "Content-Type", value: contentType)
    replaceOrAdd(name: "Cache-Control", value: "no-store, no-transform")
    replaceOrAdd(name: "X-Accel-Buffering", value: "no")
  }
}
