package import HTTPServer
package import HTTPSyntax
import WebSocket
import WireFormat

/// `GET /v1/diagnostics/echo`: sends back what it gets, for checking what a proxy does to a connection and for
/// conformance tests.
package final class EchoSocket: WebSocketPeerDelegate {
  private var peer: WebSocketPeer?

  package static func open(_ exchange: any HTTPExchange, headers: HTTPHeaders, context: TransportContext) {
    guard !context.admission.isDraining else { return exchange.refuse(.draining(retryAfter: 1), headers: headers) }
    let echo = EchoSocket(context)
    echo.peer = WebSocketPeer.accept(
      exchange, headers: headers, subprotocols: [], maxMessageBytes: context.settings.echoBytes, context: context,
      delegate: echo)
    context.echoes[ObjectIdentifier(echo)] = echo.peer
    echo.peer?.start()
  }

  private let context: TransportContext

  private init(_ context: TransportContext) { self.context = context }

  func received(_ kind: MessageKind, _ payload: [UInt8]) { peer?.writeMessage(kind, payload) }
  func sawLife() {}
  func becameBlocked() {}
  func becameReady() {}
  func stopped() {}

  func closed() {
    peer = nil
    context.echoes[ObjectIdentifier(self)] = nil
  }
}
