package import Delivery
import HTTPServer
package import Logging
import NIOCore
package import StreamLog
import Synchronization
import WebSocket

package struct TransportSettings: Sendable {
  package var requests = StreamRequest.Limits()
  package var messageBytes = 64 << 10
  package var sseHeartbeatSeconds = 15
  package var ndjsonHeartbeatSeconds = 15
  package var websocketHeartbeatSeconds = 25
  package var pongSeconds = 10
  package var retryMilliseconds = 500
  package var compressesWebSockets = true
  package var compressionLevel = 1
  package var compressionMinBytes = 64
  /// The longest message the echo takes.
  package var echoBytes = 16 << 20

  package init() {}
}

/// Whether new subscribers are let in; shared by all loops.
package final class Admission: Sendable {
  private let draining = Atomic<Bool>(false)

  package init() {}

  package var isDraining: Bool { draining.load(ordering: .relaxed) }
  package func drain() { draining.store(true, ordering: .relaxed) }
}

/// What the transports of one event loop share. Confined to it.
package final class TransportContext {
  package let hub: Hub
  package let settings: TransportSettings
  package let publisher: Publisher
  package let admission: Admission
  let logger: Logger
  /// Open subscribers by transport.
  package private(set) var open: [TransportKind: Int] = [:]
  package private(set) var opened: [TransportKind: UInt64] = [:]
  package internal(set) var receivedBytes: UInt64 = 0
  /// Those that no hub knows of.
  var echoes: [ObjectIdentifier: WebSocketPeer] = [:]
  let inflater = MessageInflater()
  let deflater: MessageDeflater
  private let encodings: [EncodingKey: Int]
  private var generator = SystemRandomNumberGenerator()

  private struct EncodingKey: Hashable {
    var kind: TransportKind
    var isChunked = false
    /// Raw events, or compressed frames.
    var isVariant = false
  }

  package init(
    hub: Hub, settings: TransportSettings, publisher: Publisher, admission: Admission, ledger: MemoryLedger,
    logger: Logger
  ) {
    self.hub = hub
    self.settings = settings
    self.publisher = publisher
    self.admission = admission
    self.logger = logger
    deflater = MessageDeflater(level: settings.compressionLevel)
    var encodings: [EncodingKey: Int] = [
      EncodingKey(kind: .poll): hub.register(PollEncoding()),
      EncodingKey(kind: .websocket): hub.register(WebSocketEncoding()),
      EncodingKey(kind: .websocket, isVariant: true): hub.register(
        DeflatedWebSocketEncoding(
          level: settings.compressionLevel, minBytes: settings.compressionMinBytes, ledger: ledger)),
    ]
    for framing in [OutletFraming.chunked, .identity] {
      let isChunked = framing == .chunked
      encodings[EncodingKey(kind: .ndjson, isChunked: isChunked)] = hub.register(LineStreamEncoding(framing: framing))
      for isRaw in [false, true] {
        encodings[EncodingKey(kind: .sse, isChunked: isChunked, isVariant: isRaw)] = hub.register(
          EventStreamEncoding(framing: framing, isRaw: isRaw, retryMilliseconds: settings.retryMilliseconds))
      }
    }
    self.encodings = encodings
  }

  /// The number of an encoding of `hub`.
  func encoding(_ kind: TransportKind, framing: OutletFraming = .identity, isVariant: Bool = false) -> Int {
    encodings[EncodingKey(kind: kind, isChunked: framing == .chunked, isVariant: isVariant)]!
  }

  /// A connection's name in logs and for operators: 12 random characters.
  func makeSession() -> String { RandomName.make(12, using: &generator) }

  func opened(_ kind: TransportKind, _ sink: any SubscriberSink) {
    open[kind, default: 0] += 1
    opened[kind, default: 0] += 1
    logger.debug("subscriber connected", metadata: sink.description.metadata)
  }

  func closed(_ kind: TransportKind, _ sink: any SubscriberSink) {
    open[kind, default: 0] -= 1
    logger.debug("subscriber gone", metadata: sink.description.metadata)
  }

  /// Sends the echoes away, as a drain does the subscribers.
  package func closeEchoes() {
    for peer in echoes.values { peer.close(CloseCode.serviceRestart, "restarting") }
  }

  /// What an operator should know of without asking: a subscriber was cut off for memory.
  func cutOff(_ sink: any SubscriberSink) {
    let reason: Logger.Metadata = ["reason": "unsent bytes over a quarter of limits.memory"]
    logger.notice("subscriber cut off", metadata: sink.description.metadata.merging(reason) { $1 })
  }
}

extension SinkDescription {
  var metadata: Logger.Metadata {
    ["session": "\(session)", "transport": "\(transport)", "address": "\(address)"]
  }
}
