import Locking
package import NIOCore
package import HTTPSyntax
import NIOPosix
import Synchronization

/// A small HTTP/1.1 client for talking to gateways: connections are reused, bodies are read as they are taken, and
/// what goes wrong is a `GatewayClientError` with a sentence in it.
package final class HTTPClient: Sendable {
  package static let maximumAnswerBytes = 64 << 20

  private struct State {
    var idle: [GatewayURL: [HTTPConnection]] = [:]
    var open: [ObjectIdentifier: HTTPConnection] = [:]
    var isClosed = false
  }

  package let group: any EventLoopGroup
  private let connectTimeout: Duration
  private let state = Guarded(State())

  package init(
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, connectTimeout: Duration = .seconds(5)
  ) {
    self.group = group
    self.connectTimeout = connectTimeout
  }

  /// Asks and waits for the whole answer. An answer of 400 or more is an answer, not an error: see `refusal`.
  ///
  /// - Parameter timeout: for everything from the request's first byte to the answer's last.
  /// - Throws: `GatewayClientError`, or `CancellationError` if the task was cancelled.
  package func request(
    _ method: HTTPMethod = .GET, _ url: GatewayURL, headers: HTTPHeaders = [:], body: ByteBuffer? = nil,
    timeout: Duration = .seconds(30)
  ) async throws -> HTTPAnswer {
    let call = try Self.call(method, url, headers, body, deadline: timeout, coversBody: true)
    return try await perform(call, at: url).collect()
  }

  /// Asks for one page of messages and waits for the whole of it.
  ///
  /// - Parameter timeout: for everything from the request's first byte to the answer's last.
  /// - Throws: `GatewayClientError`: `refused` for an answer of 400 or more, `answerCut` for a page that began and did
  ///   not arrive whole; `CancellationError` if the task was cancelled.
  package func page(
    _ method: HTTPMethod = .GET, _ url: GatewayURL, headers: HTTPHeaders = [:], body: ByteBuffer? = nil,
    timeout: Duration = .seconds(30)
  ) async throws -> MessagePage {
    let call = try Self.call(method, url, headers, body, deadline: timeout, coversBody: true)
    return try await perform(call, at: url).collectPage()
  }

  /// Asks and returns as soon as the answer's head is there; its body is read as it comes.
  ///
  /// - Parameters:
  ///   - timeout: until the head is there.
  ///   - silence: the answer fails when nothing comes for that long; nil: it may be silent for ever.
  package func stream(
    _ method: HTTPMethod = .GET, _ url: GatewayURL, headers: HTTPHeaders = [:], body: ByteBuffer? = nil,
    timeout: Duration = .seconds(30), silence: Duration? = nil
  ) async throws -> HTTPStreamAnswer {
    let call = try Self.call(method, url, headers, body, deadline: timeout, coversBody: false)
    let answer = try await perform(call, at: url)
    if let silence { answer.setSilenceLimit(silence) }
    return answer
  }

  /// Closes every connection; exchanges under way fail with `clientClosed`.
  package func close() async {
    let open = state.withLock { state in
      state.isClosed = true
      state.idle.removeAll()
      return Array(state.open.values)
    }
    for connection in open { connection.close(GatewayClientError.clientClosed) }
    for connection in open { try? await connection.channel.closeFuture.get() }
  }

  /// - Throws: `GatewayClientError.invalidRequest` for a header field that cannot be sent.
  private static func call(
    _ method: HTTPMethod, _ url: GatewayURL, _ headers: HTTPHeaders, _ body: ByteBuffer?, deadline: Duration,
    coversBody: Bool
  ) throws -> HTTPCall {
    var all: HTTPHeaders = ["Host": url.authority]
    if let body {
      all.add(name: "Content-Length", value: "\(body.readableBytes)")
    } else if method == .POST || method == .PUT || method == .PATCH {
      all.add(name: "Content-Length", value: "0")
    }
    all.add(contentsOf: headers)
    let head = try ByteBuffer.requestHead(method, url, all)
    return HTTPCall(
      method: method, head: head, body: body, keepsAlive: all.keepsAlive(.http1_1),
      deadline: deadline, deadlineCoversBody: coversBody)
  }

  /// A connection that was closed while it lay unused may be found out only by asking on it. What is safe to ask
  /// twice (RFC 9110 section 9.2.2) is then asked again, once, on a new one.
  private func perform(_ call: HTTPCall, at url: GatewayURL) async throws -> HTTPStreamAnswer {
    if let used = try takeIdle(url) {
      do {
        return try await used.perform(call)
      } catch GatewayClientError.connectionLost where [.GET, .HEAD, .PUT, .DELETE].contains(call.method) {
        try Task.checkCancellation()
      }
    }
    return try await connect(to: url).perform(call)
  }

  // MARK: - Connections

  private static func origin(_ url: GatewayURL) -> GatewayURL {
    var origin = url
    origin.target = "/"
    return origin
  }

  private func takeIdle(_ url: GatewayURL) throws -> HTTPConnection? {
    try state.withLock { state in
      guard !state.isClosed else { throw GatewayClientError.clientClosed }
      while let connection = state.idle[Self.origin(url)]?.popLast() {
        if connection.channel.isActive { return connection }
      }
      return nil
    }
  }

  private func connect(to url: GatewayURL) async throws -> HTTPConnection {
    try Task.checkCancellation()
    let origin = Self.origin(url)
    let release: @Sendable (HTTPConnection) -> Void = { [weak self] in self?.release($0, origin) }
    let connection = try await url.connect(on: group.next(), timeout: connectTimeout, readsByItself: false) { channel in
      try url.secure(channel)
      return try HTTPConnection(on: channel, onIdle: release)
    } discard: {
      $0.close(CancellationError())
    }
    try register(connection)
    return connection
  }

  private func register(_ connection: HTTPConnection) throws {
    let id = ObjectIdentifier(connection)
    let isClosed = state.withLock { state in
      if !state.isClosed { state.open[id] = connection }
      return state.isClosed
    }
    if isClosed {
      connection.close(GatewayClientError.clientClosed)
      throw GatewayClientError.clientClosed
    }
    connection.channel.closeFuture.whenComplete { [weak self] _ in
      self?.state.withLock { state in
        state.open[id] = nil
        for origin in state.idle.keys { state.idle[origin]?.removeAll { $0 === connection } }
      }
    }
  }

  private func release(_ connection: HTTPConnection, _ origin: GatewayURL) {
    state.withLock { state in
      if !state.isClosed { state.idle[origin, default: []].append(connection) }
    }
  }

  deinit {
    for connection in state.withLock({ Array($0.open.values) }) {
      connection.close(GatewayClientError.clientClosed)
    }
  }
}
