import HTTP2
import NIOCore
import HTTPSyntax

/// Heads between HTTP/2's form and the one that routes know.
extension HTTP2Session {
  func fields(_ response: HTTPResponse) -> HTTP2Fields {
    var fields = fields(response.status, response.lines)
    fields.add(FieldLines(response.headers))
    if response.status != 204, response.status != 304 {
      fields.add("content-length".utf8, String(response.body?.readableBytes ?? 0).utf8)
    }
    return fields
  }

  func fields(_ status: Int, _ lines: FieldLines) -> HTTP2Fields {
    var fields = HTTP2Fields(status: status)
    fields.add(lines)
    fields.add("date".utf8, shared.writer.date)
    return fields
  }
}

extension HTTP2Fields {
  fileprivate mutating func add(_ lines: FieldLines) {
    lines.forEach { name, value in add(name, value) }
  }
}

extension HTTPRequest {
  /// - Throws: what is wrong with a head that nghttp2 let pass.
  static func parts(
    of head: HTTP2Head, hasBody: Bool, limits: RequestParser.Limits
  ) throws(HTTPSyntaxError) -> (head: RequestHead, target: RequestTarget) {
    let isWebSocket = head.protocol.map { $0.elementsEqual("websocket".utf8) } ?? false
    let method = String(decoding: head.method, as: UTF8.self)
    guard method != "CONNECT" || isWebSocket else { throw .connectIsForWebSockets }
    var headers = RequestFields(bytes: head.bytes)
    for field in head.fields {
      headers.add(
        FieldRange(
          nameStart: Int32(field.name.lowerBound), nameEnd: Int32(field.name.upperBound),
          valueStart: Int32(field.value.lowerBound), valueEnd: Int32(field.value.upperBound)))
    }
    guard let path = head.path else { throw .malformedTarget }
    guard path.count <= limits.startLine else { throw .requestLineTooLong(limit: limits.startLine) }
    let request = try RequestHead(
      http2: method, target: path.startIndex..<path.endIndex,
      authority: head.authority.map { $0.startIndex..<$0.endIndex }, headers: headers, webSocket: isWebSocket,
      hasBody: hasBody)
    guard let target = RequestTarget(utf8: path) else { throw .malformedTarget }
    return (request, target)
  }
}
