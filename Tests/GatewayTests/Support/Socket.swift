import WebSocket

/// A websocket whose every frame can be seen and made.
final class Socket {
  enum Event {
    case text([UInt8])
    case binary([UInt8])
    case ping([UInt8])
    case pong([UInt8])
    case close(UInt16?, String)
  }

  let http: HTTPWire
  let handshake: Answer
  private let connection: WebSocketConnection
  private var events: ArraySlice<Event> = []
  private var generator = SystemRandomNumberGenerator()
  /// Whether pings are answered.
  var answersPings = true
  /// Bytes of frames that have come.
  private(set) var receivedBytes = 0

  static let key = "dGhlIHNhbXBsZSBub25jZQ=="
  static let upgrade = [
    ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", key),
  ]

  /// - Parameter deflates: whether permessage-deflate is offered.
  static func open(
    _ url: String, _ target: String, headers: [(String, String)] = [], deflates: Bool = false,
    receiveBuffer: Int? = nil, pauseAfter: Int? = nil
  ) async throws -> Socket {
    let http = try await HTTPWire.connect(to: url, receiveBuffer: receiveBuffer, pauseAfter: pauseAfter)
    let offer = deflates ? [("Sec-WebSocket-Extensions", "permessage-deflate")] : []
    http.send("GET", target, headers: upgrade + offer + headers)
    let answer = try await http.head()
    guard answer.status == 101 else { throw Silence(description: "no websocket but \(answer)") }
    return Socket(http, answer)
  }

  private init(_ http: HTTPWire, _ handshake: Answer) {
    self.http = http
    self.handshake = handshake
    let isCompressed = handshake["Sec-WebSocket-Extensions"] != nil
    connection = WebSocketConnection(
      role: .client, maxMessageBytes: 64 << 20, inflater: isCompressed ? MessageInflater() : nil)
  }

  // MARK: Sending

  func send(_ text: String) { send { WebSocketFrame.text(text, mask: $0, to: &$1) } }
  func send(binary: [UInt8]) { send { WebSocketFrame.binary(binary, mask: $0, to: &$1) } }
  func ping(_ payload: [UInt8]) { send { WebSocketFrame.ping(payload, mask: $0, to: &$1) } }
  func close(_ code: UInt16?) { send { WebSocketFrame.close(code: code, mask: $0, to: &$1) } }

  func send(_ make: (MaskingKey, inout [UInt8]) -> Void) {
    var bytes: [UInt8] = []
    make(.random(using: &generator), &bytes)
    http.wire.send(bytes)
  }

  // MARK: Receiving

  /// The next frame's event; pings are answered. nil at the end of the connection.
  func next(within limit: Duration = .seconds(30)) async throws -> Event? {
    while events.isEmpty {
      guard let bytes = try await http.some(within: limit) else { return nil }
      receivedBytes += bytes.count
      var found: [Event] = []
      try bytes.withUnsafeBytes { bytes in
        try connection.receive(bytes) { event in
          switch event {
          case .message(.text, let payload): found.append(.text(payload))
          case .message(.binary, let payload): found.append(.binary(payload))
          case .ping(let payload): found.append(.ping(payload))
          case .pong(let payload): found.append(.pong(payload))
          case .close(let code, let reason): found.append(.close(code, reason))
          }
        }
      }
      events = found[...]
    }
    let event = events.removeFirst()
    if case .ping(let payload) = event, answersPings {
      send { WebSocketFrame.pong(payload, mask: $0, to: &$1) }
    }
    return event
  }

  /// The next object, whatever frames come before it; nil at the end or the close frame.
  func item(within limit: Duration = .seconds(30)) async throws -> Item? {
    while let event = try await next(within: limit) {
      switch event {
      case .text(let payload): return try Item(payload)
      case .binary: throw Silence(description: "a binary message")
      case .close: return nil
      case .ping, .pong: continue
      }
    }
    return nil
  }

  /// What the gateway's close frame says; what comes before it is passed over. Its close is answered.
  func closing(within limit: Duration = .seconds(30)) async throws -> (code: UInt16?, reason: String)? {
    while let event = try await next(within: limit) {
      if case .close(let code, let reason) = event { return (code, reason) }
    }
    return nil
  }
}

/// A reader's websocket.
final class SocketSource: ItemSource {
  let socket: Socket
  private(set) var position: String?

  private init(_ socket: Socket) { self.socket = socket }

  static func open(_ url: String, _ reading: Reading) async throws -> SocketSource {
    var reading = reading
    let subscribes = reading.posts
    if subscribes { reading.topics = [] }
    let socket = try await Socket.open(
      url, subscribes ? "/v1/stream" : reading.query, headers: reading.headers, receiveBuffer: reading.receiveBuffer,
      pauseAfter: reading.pauseAfter)
    return SocketSource(socket)
  }

  var wire: Wire { socket.http.wire }

  func next(within limit: Duration) async throws -> Item? {
    guard let item = try await socket.item(within: limit) else { return nil }
    if !item.id.isEmpty, item.kind != "published" { position = item.id }
    return item
  }
}
