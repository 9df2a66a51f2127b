import Locking
import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What a test waited for did not come.
struct Silence: Error, CustomStringConvertible {
  let description: String
}

/// One TCP connection, byte by byte: what a client with no manners could do is possible here.
final class Wire: Sendable {
  let channel: any Channel
  private let inbox: Inbox

  private init(_ channel: any Channel, _ inbox: Inbox) {
    self.channel = channel
    self.inbox = inbox
  }

  deinit { channel.close(promise: nil) }

  /// - Parameters:
  ///   - url: `http://host:port`.
  ///   - reading: false for a client that takes nothing until it is told to.
  ///   - receiveBuffer: the kernel's, in bytes, for a client that is to stall early.
  ///   - pauseAfter: stops reading once this many bytes have arrived, until `setReading(true)`. `nil`: never. A test
  ///     that calls `setReading(false)` instead cannot know how much arrives before its call.
  ///   - onBytes: takes what comes instead of `receive`, on the event loop.
  static func connect(
    to url: String, reading: Bool = true, receiveBuffer: Int? = nil, pauseAfter: Int? = nil,
    onBytes: (@Sendable (ByteBuffer) -> Void)? = nil
  ) async throws -> Wire {
    let address = url.dropFirst("http://".count)
    let colon = address.lastIndex(of: ":")!
    let inbox = Inbox()
    var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.autoRead, value: reading)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(WireHandler(inbox, pauseAfter, onBytes))
        }
      }
    if let receiveBuffer {
      bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: receiveBuffer)
    }
    let channel = try await bootstrap.connect(
      host: String(address[..<colon]), port: Int(address[address.index(after: colon)...])!
    ).get()
    return Wire(channel, inbox)
  }

  func send(_ text: String) { send(Array(text.utf8)) }

  /// Whether the peer still takes it is seen by reading.
  func send(_ bytes: [UInt8]) { channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil) }

  /// What has come, at least one byte; nil at the end of the connection.
  func receive(within limit: Duration = .seconds(30)) async throws -> [UInt8]? {
    while true {
      switch inbox.take() {
      case .bytes(let bytes): return bytes
      case .ended: return nil
      case .nothing:
        guard await inbox.wait(limit, on: channel.eventLoop) else {
          throw Silence(description: "nothing came for \(limit)")
        }
      }
    }
  }

  func setReading(_ reading: Bool) async throws {
    try await channel.setOption(.autoRead, value: reading).get()
    if reading { channel.read() }
  }

  /// Ends with a reset: what is on its way in either direction is lost.
  func kill() async throws {
    if let socket = channel as? any SocketOptionProvider {
      try? await socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
    }
    try? await channel.close().get()
  }

  func close() async throws { try? await channel.close().get() }

  var isOpen: Bool { channel.isActive }

  /// `host:port` of the gateway, as a Host field has it.
  var peer: String {
    guard let address = channel.remoteAddress else { return "gateway" }
    return "\(address.ipAddress ?? ""):\(address.port ?? 0)"
  }
}

/// What has come and was not taken yet, and the one who waits for more.
private final class Inbox: Sendable {
  enum Taken {
    case bytes([UInt8])
    case ended
    case nothing
  }

  private struct State {
    var bytes: [UInt8] = []
    var ended = false
    var waiter: CheckedContinuation<Bool, Never>?
    var waits = 0
  }

  private let state = Guarded(State())

  func take() -> Taken {
    state.withLock { state in
      if !state.bytes.isEmpty {
        let bytes = state.bytes
        state.bytes = []
        return .bytes(bytes)
      }
      return state.ended ? .ended : .nothing
    }
  }

  func put(_ bytes: ByteBufferView) { change { $0.bytes.append(contentsOf: bytes) } }
  func end() { change { $0.ended = true } }

  private func change(_ body: (inout State) -> Void) {
    let waiter = state.withLock { state in
      body(&state)
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: true)
  }

  /// - Returns: false if the time passed.
  func wait(_ limit: Duration, on eventLoop: any EventLoop) async -> Bool {
    await withCheckedContinuation { continuation in
      let number = state.withLock { state -> Int? in
        guard state.bytes.isEmpty, !state.ended else { return nil }
        precondition(state.waiter == nil, "two readers of one wire")
        state.waits += 1
        state.waiter = continuation
        return state.waits
      }
      guard let number else { return continuation.resume(returning: true) }
      eventLoop.scheduleTask(in: TimeAmount(limit)) { self.giveUp(number) }
    }
  }

  private func giveUp(_ number: Int) {
    let waiter = state.withLock { state -> CheckedContinuation<Bool, Never>? in
      guard state.waits == number else { return nil }
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: false)
  }
}

private final class WireHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let inbox: Inbox
  private let onBytes: (@Sendable (ByteBuffer) -> Void)?
  /// `nil` if nothing is to pause the reading any more.
  private var bytesBeforePause: Int?

  init(_ inbox: Inbox, _ pauseAfter: Int?, _ onBytes: (@Sendable (ByteBuffer) -> Void)?) {
    self.inbox = inbox
    bytesBeforePause = pauseAfter
    self.onBytes = onBytes
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let buffer = unwrapInboundIn(data)
    if let bytes = bytesBeforePause {
      let isPaused = bytes <= buffer.readableBytes
      bytesBeforePause = isPaused ? nil : bytes - buffer.readableBytes
      if isPaused { try! context.channel.syncOptions!.setOption(.autoRead, value: false) }
    }
    if let onBytes { onBytes(buffer) } else { inbox.put(buffer.readableBytesView) }
  }

  func channelInactive(context: ChannelHandlerContext) { inbox.end() }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
