import HTTPSyntax
import NIOCore

extension GatewayClientError {
  /// The error of a response that breaks the rules of HTTP/1.1.
  init(_ error: HTTPSyntaxError) {
    switch error {
    case .unexpectedEnd: self = .connectionLost("the gateway closed it before the answer was complete")
    case .malformedVersion: self = .notUnderstood("its answer is not HTTP/1.1")
    default: self = .notUnderstood("its answer is not HTTP/1.1 (\(error.sentence(for: .response)))")
    }
  }
}

extension ByteBuffer {
  /// - Throws: `GatewayClientError.invalidRequest` for a header field that cannot be sent.
  static func requestHead(
    _ method: HTTPMethod, _ url: GatewayURL, _ headers: HTTPHeaders
  ) throws(GatewayClientError) -> ByteBuffer {
    var head = ByteBuffer()
    do throws(HTTPSyntaxError) {
      try RequestWriter.write(method, url.target, headers, to: &head)
    } catch {
      throw .invalidRequest(error.sentence(for: .request))
    }
    return head
  }
}
