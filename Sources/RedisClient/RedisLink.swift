import Locking
import NIOCore
import Synchronization

/// The way between any thread and the handler on the event loop.
final class RedisLink: Sendable {
  /// What was given and has not been seen on the event loop.
  struct Outbox {
    var bytes = ByteBuffer()
    var commands: [Command] = []
    /// Why nothing more is taken.
    var end: RedisError?
  }

  struct Command {
    let timeout: TimeAmount?
    let completion: @Sendable (RedisConnection.Outcome) -> Void
  }

  let channel: any Channel
  let replyTimeout: TimeAmount
  private let handler: NIOLoopBound<RedisChannelHandler>
  private let outbox = Guarded(Outbox())

  /// On the channel's event loop.
  init(_ channel: any Channel, handler: RedisChannelHandler, replyTimeout: TimeAmount) {
    self.channel = channel
    self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
    self.replyTimeout = replyTimeout
  }

  func send(
    _ command: [RedisArgument], timeout: TimeAmount?,
    completion: @escaping @Sendable (RedisConnection.Outcome) -> Void
  ) {
    let (isFirst, end) = outbox.withLock { outbox in
      guard outbox.end == nil else { return (false, outbox.end) }
      outbox.bytes.writeCommand(command)
      outbox.commands.append(Command(timeout: timeout, completion: completion))
      return (outbox.commands.count == 1, nil)
    }
    if let end { return channel.eventLoop.execute { completion(.failure(end)) } }
    if isFirst { channel.eventLoop.execute { self.handler.value.write(self.takeOutbox()) } }
  }

  func send(_ command: [RedisArgument], timeout: TimeAmount?) async throws(RedisError) -> RESPValue {
    try await withCheckedContinuation { continuation in
      send(command, timeout: timeout) { continuation.resume(returning: $0) }
    }.get()
  }

  private func takeOutbox() -> Outbox {
    outbox.withLock { outbox in
      defer { (outbox.bytes, outbox.commands) = (ByteBuffer(), []) }
      return outbox
    }
  }

  /// The connection has ended: what is in the outbox never left, and nothing more is taken.
  func end(_ reason: RedisError) -> [Command] {
    outbox.withLock { outbox in
      defer { outbox = Outbox(end: reason) }
      return outbox.commands
    }
  }

  func close() { channel.eventLoop.execute { self.handler.value.end("it was closed here") } }
}
