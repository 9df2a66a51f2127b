package import HTTPServer
package import NIOCore
package import HTTPSyntax
package import StreamLog
import WireFormat

extension HTTPExchange {
  /// Answers a poll or a page of history: `{"items":[…],"next":"…"}`.
  ///
  /// - Parameter items: messages and gaps as `PollEncoding` writes them, each with a comma behind it.
  package func respond(items: ByteBuffer, next: Position, headers: HTTPHeaders) {
    var position: [UInt8] = []
    JSONText.append(next, to: &position)
    var body = ByteBuffer()
    body.reserveCapacity(items.readableBytes + position.count + 32)
    body.writeStaticString("{\"items\":[")
    if items.readableBytes > 0 {
      body.writeImmutableBuffer(items.getSlice(at: items.readerIndex, length: items.readableBytes - 1)!)
    }
    body.writeStaticString("],\"next\":\"")
    body.writeBytes(position)
    body.writeStaticString("\"}")
    var lines = FieldLines.json
    if request.method != "POST" { lines.add("Link") { writeLink(to: position, &$0) } }
    respond(HTTPResponse(status: 200, lines: lines, headers: headers, body: body))
  }

  /// The next page's URL, for a GET or HEAD: this one's with another beginning (RFC 8288).
  private func writeLink(to position: [UInt8], _ bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "<"))
    bytes.append(contentsOf: request.target.rawPath.utf8)
    bytes.append(UInt8(ascii: "?"))
    for parameter in request.target.parameters where parameter.name != "since" && parameter.name != "rewind" {
      bytes.append(contentsOf: parameter.name.utf8)
      bytes.append(UInt8(ascii: "="))
      RequestTarget.percentEncode(parameter.value, to: &bytes)
      bytes.append(UInt8(ascii: "&"))
    }
    bytes.append(contentsOf: "since=".utf8)
    bytes.append(contentsOf: position)
    bytes.append(contentsOf: ">; rel=\"next\"".utf8)
  }
}
