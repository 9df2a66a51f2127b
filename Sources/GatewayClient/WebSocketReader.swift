import NIOCore
import WireFormat

/// Reads a stream over a websocket.
final class WebSocketReader: StreamReader {
  /// Names our one subscribe command, where the topics did not fit into the URL.
  private static let subscribeRef: Int64 = 1

  private let socket: WebSocketClient
  private let messages: WebSocketMessages.AsyncIterator
  /// A subscribe is on its way: until it is answered, the `since` it asked with stays the position.
  private var awaitsSubscribed: Bool

  init(_ request: StreamRequest, group: any EventLoopGroup) async throws {
    var options = WebSocketClient.Options()
    options.offersCompression = request.options.offersCompression
    options.silenceLimit = request.silenceLimit
    let (url, hasTopics) = request.target()
    socket = try await WebSocketClient.connect(to: url, options: options, group: group)
    messages = socket.messages.makeAsyncIterator()
    awaitsSubscribed = !hasTopics
    if !hasTopics {
      let members = request.members([("ref", "\(Self.subscribeRef)")])
      try await socket.send("{\"type\":\"subscribe\",\(members)}")
    }
  }

  func next() async throws -> StreamStep {
    guard let message = try await messages.next() else { return try ending() }
    guard message.isText else { throw GatewayClientError.notUnderstood("it sent a binary websocket message") }
    let step = try StreamStep(message.bytes)
    switch step {
    case .item(.hello(let hello), _):
      if let heartbeat = hello.heartbeat { socket.setSilenceLimit(heartbeat * StreamRequest.silenceFactor) }
    case .item(.fault(let refusal), _):
      if awaitsSubscribed, ReceivedObject(message.bytes)?.integer("ref") == Self.subscribeRef {
        throw GatewayClientError.refused(refusal)
      }
    case .moved:
      if awaitsSubscribed, let object = ReceivedObject(message.bytes), object.string("type") == "subscribed",
        object.integer("ref") == Self.subscribeRef
      {
        awaitsSubscribed = false
      }
    default: break
    }
    if awaitsSubscribed, case .item(let item, _) = step { return .item(item, position: nil) }
    return step
  }

  /// 1008 and 4500 to 4999 mean "do not come back" (protocol section 4).
  private func ending() throws -> StreamStep {
    guard let closing = socket.closing else { return .ended(reason: "the connection ended", advice: nil) }
    guard let code = closing.code else { return .ended(reason: "the gateway closed the connection", advice: nil) }
    if code == 1008 || (4500...4999).contains(code) {
      throw GatewayClientError.closed(code: code, reason: closing.reason)
    }
    let reason = closing.reason.isEmpty ? "" : ": \(closing.reason)"
    return .ended(reason: "the gateway closed the connection with \(code)\(reason)", advice: nil)
  }
}
