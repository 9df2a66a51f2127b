package import HTTPServer
package import NIOHTTP1
import WebSocket

/// `GET /v1/diagnostics/echo`: sends back what it gets, for checking what a proxy does to a connection and for
/// conformance tests.
package final class EchoSocket: WebSocketPeerDelegate {
  private var peer: WebSocketPeer?

  package static func open(_ exchange: any HTTPExchange, headers: HTTPHeaders, context: TransportContext) {
    let echo = EchoSocket()
    echo.peer = WebSocketPeer.accept(
      exchange, headers: headers, subprotocols: [], maxMessageBytes: context.settings.echoBytes, context: context,
      delegate: echo)
    echo.peer?.start()
  }

  private init() {}

  func received(_ kind: MessageKind, _ payload: [UInt8]) { peer?.writeMessage(kind, payload) }
  func receivedPong() {}
  func becameReady() {}

  func closed() { peer = nil }
}
