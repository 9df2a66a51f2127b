import NIOCore

/// The connections of one event loop and what they share. Touched on that loop only.
final class LoopConnections {
  let settings: HTTPListenerSettings
  let problem: @Sendable (HTTPFault, RequestHead?) -> HTTPResponse
  let route: @Sendable (any HTTPExchange) -> Void
  let counters: HTTPCounters
  let ledger: ConnectionLedger
  var writer = ResponseWriter()
  private var scratch = ByteBuffer()
  /// From now on every answer closes its connection.
  private(set) var isClosing = false
  private var connections: [HTTPConnection] = []

  init(
    settings: HTTPListenerSettings, counters: HTTPCounters, ledger: ConnectionLedger,
    problem: @escaping @Sendable (HTTPFault, RequestHead?) -> HTTPResponse,
    route: @escaping @Sendable (any HTTPExchange) -> Void
  ) {
    self.settings = settings
    self.counters = counters
    self.ledger = ledger
    self.problem = problem
    self.route = route
  }

  var count: Int { connections.count }

  /// Space to write an answer in, empty, the same one answer after the other. Who keeps the bytes keeps them: the next
  /// answer then gets other space.
  func withScratch(_ body: (inout ByteBuffer) -> Void) {
    var bytes = ByteBuffer()
    swap(&bytes, &scratch)
    bytes.clear()
    body(&bytes)
    if bytes.capacity <= Self.keptScratch { scratch = bytes }
  }

  /// In bytes; more is given back.
  private static let keptScratch = 32 << 10

  func add(_ connection: HTTPConnection) {
    connection.index = connections.count
    connections.append(connection)
  }

  /// The last connection takes the removed one's place.
  func remove(_ connection: HTTPConnection) {
    let index = connection.index
    guard index >= 0 else { return }
    connection.index = -1
    let last = connections.removeLast()
    if last !== connection {
      connections[index] = last
      last.index = index
    }
  }

  /// Closes what has no exchange open, and lets no connection begin another after its answer.
  func closeIdle() {
    isClosing = true
    for connection in connections where connection.isIdle {
      // An answer that is still on its way goes first.
      if connection.isWritable { connection.close() } else { connection.leave() }
    }
  }

  func closeAll() {
    isClosing = true
    for connection in connections { connection.close() }
  }
}
