import Logging
import LoopTurns
import NIOCore
import TLS

/// The connections of one event loop and what they share. Touched on that loop only.
final class LoopConnections {
  let eventLoop: any EventLoop
  let settings: HTTPListenerSettings
  let problem: @Sendable (HTTPFault, RequestHead?) -> HTTPResponse
  let route: @Sendable (any HTTPExchange) -> Void
  let counters: HTTPCounters
  let ledger: ConnectionLedger
  let logger: Logger
  let tlsOutput = TLSOutput()
  private let turns: LoopTurns
  var writer = ResponseWriter()
  private var scratch = ByteBuffer()
  /// From now on every answer closes its connection.
  private(set) var isClosing = false
  private var connections: [HTTPConnection] = []

  init(
    eventLoop: any EventLoop, settings: HTTPListenerSettings, turns: LoopTurns, counters: HTTPCounters,
    ledger: ConnectionLedger,
    logger: Logger, problem: @escaping @Sendable (HTTPFault, RequestHead?) -> HTTPResponse,
    route: @escaping @Sendable (any HTTPExchange) -> Void
  ) {
    self.eventLoop = eventLoop
    self.settings = settings
    self.turns = turns
    self.counters = counters
    self.ledger = ledger
    self.logger = logger
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
  private static let keptScratch = 128 << 10

  // MARK: What leaves together

  private var unflushed: [HTTP2Session] = []

  /// Lets a session write what it has when the work under way is done: after a burst, say, to all its streams at once.
  func flushSoon(_ session: HTTP2Session) {
    unflushed.append(session)
    guard unflushed.count == 1 else { return }
    eventLoop.assumeIsolated().execute { self.flush() }
  }

  private func flush() {
    let sessions = unflushed
    unflushed.removeAll(keepingCapacity: true)
    for session in sessions { session.flush() }
  }

  // MARK: Turns

  /// New connections that are read from in one turn. A loop serves every socket that is ready before it does anything
  /// else, so of thousands that come with a request at once only so many are let become ready.
  private static let mostArrivals = 32
  private var arrived = 0
  /// New connections that are not read from yet.
  private var arrivals: CircularBuffer<HTTPConnection> = []
  /// Requests that begin one after the other, before anybody looks at the clock.
  private static let unwatched = 8
  private var begun = 0
  private var turnEnds: NIODeadline?
  /// Connections with a request that waits for the next turn, in their order: those that came with it, and those that
  /// were here before. They are taken by turns, so that a publisher does not queue behind a storm of newcomers.
  private var newcomers: CircularBuffer<HTTPConnection> = []
  private var residents: CircularBuffer<HTTPConnection> = []
  private var isResidentsTurn = true
  private var resumed: HTTPConnection?

  /// A connection is there: it is read from now or, of many that come at once, when its turn comes.
  func arrive(_ connection: HTTPConnection) {
    guard arrived < Self.mostArrivals else { return arrivals.append(connection) }
    arrived += 1
    if arrived == Self.mostArrivals, turnEnds == nil { beginTurn() }
    connection.readIfWanted()
  }

  /// Whether a request may begin now; if not, its connection is told to `advance` when it may.
  ///
  /// Beginning requests takes turns with the rest of the loop's work: a loop handles everything that is ready before it
  /// runs a task, so a storm of thousands would hold up every burst until the last of them is served.
  func mayBegin(_ connection: HTTPConnection) -> Bool {
    if connection === resumed { return true }
    if newcomers.isEmpty, residents.isEmpty {
      begun += 1
      if begun < Self.unwatched { return true }
      guard let ends = turnEnds else {
        beginTurn()
        return true
      }
      if .now() < ends { return true }
    }
    if !connection.waitsForTurn {
      connection.waitsForTurn = true
      if connection.hasServed { residents.append(connection) } else { newcomers.append(connection) }
    }
    return false
  }

  private func nextWaiting() -> HTTPConnection? {
    isResidentsTurn.toggle()
    return isResidentsTurn
      ? residents.popFirst() ?? newcomers.popFirst() : newcomers.popFirst() ?? residents.popFirst()
  }

  private func beginTurn() {
    turnEnds = .now() + settings.turnTime
    turns.next { self.endTurn() }
  }

  private func endTurn() {
    turnEnds = nil
    begun = 0
    arrived = 0
    guard !newcomers.isEmpty || !residents.isEmpty || !arrivals.isEmpty else { return }
    beginTurn()
    while arrived < Self.mostArrivals, let connection = arrivals.popFirst() {
      arrived += 1
      connection.readIfWanted()
    }
    while let ends = turnEnds, .now() < ends, let connection = nextWaiting() {
      resumed = connection
      connection.waitsForTurn = false
      connection.advance()
    }
    resumed = nil
  }

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
    for connection in connections { connection.goAway() }
  }

  /// Tells those who may have several requests open to bring the next ones elsewhere.
  func goAwayHTTP2() {
    for connection in connections { (connection.session as? HTTP2Session)?.goAway() }
  }

  func closeAll() {
    isClosing = true
    for connection in connections { connection.close() }
  }
}
