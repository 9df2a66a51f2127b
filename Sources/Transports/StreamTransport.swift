package import HTTPServer
package import HTTPSyntax
import WireFormat

/// `/v1/stream`: one URL, any transport.
package enum StreamTransport {
  /// Serves a request that has been read, on the transport it asks for.
  package static func open(
    _ exchange: any HTTPExchange, _ request: StreamRequest, headers: HTTPHeaders, context: TransportContext
  ) {
    switch request.transport {
    case .websocket: WebSocketSink.open(exchange, request, headers: headers, context: context)
    case .sse, .ndjson: HTTPStreamSink.open(exchange, request, headers: headers, context: context)
    case .poll: PollSink.open(exchange, request, headers: headers, context: context)
    }
  }
}
