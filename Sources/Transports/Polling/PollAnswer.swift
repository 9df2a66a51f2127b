package import HTTPServer
package import NIOCore
package import NIOHTTP1
package import StreamLog

extension HTTPExchange {
  /// Answers a poll or a page of history: `{"items":[…],"next":"…"}`.
  ///
  /// - Parameter items: messages and gaps as `PollEncoding` writes them, each with a comma behind it.
  package func respond(items: ByteBuffer, next: Position, headers: HTTPHeaders) {
    var body = ByteBuffer()
    body.reserveCapacity(items.readableBytes + 64)
    body.writeStaticString("{\"items\":[")
    if items.readableBytes > 0 {
      body.writeImmutableBuffer(items.getSlice(at: items.readerIndex, length: items.readableBytes - 1)!)
    }
    body.writeString("],\"next\":\"\(next)\"}")
    var headers = headers
    headers.replaceOrAdd(name: "Content-Type", value: "application/json")
    headers.replaceOrAdd(name: "Cache-Control", value: "no-store")
    if let link = link(to: next) { headers.add(name: "Link", value: link) }
    respond(HTTPResponse(status: 200, headers: headers, body: body))
  }

  /// The next page's URL, for a GET or HEAD: this one's with another beginning (RFC 8288).
  private func link(to next: Position) -> String? {
    guard request.method != "POST" else { return nil }
    var parts = request.target.parameters.compactMap { parameter in
      ["since", "rewind"].contains(parameter.name)
        ? nil : "\(parameter.name)=\(RequestTarget.percentEncode(parameter.value))"
    }
    parts.append("since=\(next)")
    return "<\(request.target.rawPath)?\(parts.joined(separator: "&"))>; rel=\"next\""
  }
}
