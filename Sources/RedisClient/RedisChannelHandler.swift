import NIOCore
import TLS

/// Commands out in batches, replies in; knows for each unanswered command whether it may have left. On its event loop.
final class RedisChannelHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private struct Unanswered {
    let completion: @Sendable (RedisConnection.Outcome) -> Void
    let timeout: TimeAmount?
    let since: NIODeadline
    /// In which write it is: they are counted from 1.
    let write: Int

    var deadline: NIODeadline { timeout.map { since + $0 } ?? .distantFuture }
  }

  private let address: RedisEndpoint.Host
  private let eventLoop: any EventLoop
  private var parser = RESPParser()
  private var unanswered = CircularBuffer<Unanswered>()
  private var writes = 0
  /// So many writes are wholly with the system, which takes them in order.
  private var writesDone = 0
  /// Looks whether the reply that is due first is there.
  private var watch: (due: NIODeadline, task: Scheduled<Void>)?
  private var hasHeard = false
  private var isEnded = false
  private var context: ChannelHandlerContext?
  /// Holds this too, until the channel is gone.
  private(set) var link: RedisLink?

  init(address: RedisEndpoint.Host, channel: any Channel, replyTimeout: TimeAmount) {
    self.address = address
    eventLoop = channel.eventLoop
    link = RedisLink(channel, handler: self, replyTimeout: replyTimeout)
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    end("it was never there")
    self.context = nil
    link = nil
  }

  // MARK: - Out

  func write(_ outbox: RedisLink.Outbox) {
    guard !isEnded, !outbox.commands.isEmpty else { return }
    writes += 1
    let now = NIODeadline.now()
    var earliest = NIODeadline.distantFuture
    for command in outbox.commands {
      let entry = Unanswered(
        completion: command.completion, timeout: command.timeout, since: now, write: writes)
      earliest = min(earliest, entry.deadline)
      unanswered.append(entry)
    }
    watch(until: earliest)
    let written = eventLoop.makePromise(of: Void.self)
    written.futureResult.assumeIsolated().whenSuccess { self.writesDone += 1 }
    context?.writeAndFlush(wrapOutboundOut(outbox.bytes), promise: written)
  }

  // MARK: - In

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isEnded else { return }
    let bytes = unwrapInboundIn(data)
    do throws(RESPError) {
      try bytes.withUnsafeReadableBytes { (bytes) throws(RESPError) in
        try parser.receive(bytes) { answer($0) }
      }
    } catch {
      end(
        "what it says is not Redis's protocol (\(error)); is it the right port, and one without TLS?", isMisfit: true)
    }
  }

  private func answer(_ value: RESPValue) {
    guard !isEnded else { return }
    hasHeard = true
    guard let entry = unanswered.popFirst() else { return end("a reply came that nobody asked for") }
    if case .error(let text) = value {
      entry.completion(.failure(.server(text)))
    } else {
      entry.completion(.success(value))
    }
  }

  // MARK: - Replies that do not come

  private func watch(until due: NIODeadline) {
    guard due < watch?.due ?? .distantFuture else { return }
    watch?.task.cancel()
    let task = eventLoop.assumeIsolated().scheduleTask(deadline: due) { [weak self] in
      guard let self else { return }
      self.watch = nil
      self.look()
    }
    watch = (due, task)
  }

  private func look() {
    // Commands that were given later may be due earlier.
    guard let first = unanswered.min(by: { $0.deadline < $1.deadline }) else { return }
    if first.deadline <= .now(), let timeout = first.timeout {
      end("no reply within \(timeout.inWords)")
    } else {
      watch(until: first.deadline)
    }
  }

  // MARK: - The end

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch error {
    case let error as TLSError: end(error.inWords, isMisfit: true)
    default: end(FailureWords.reason(error))
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    end("it was closed by the other side")
    context.fireChannelInactive()
  }

  /// Ends the connection; every command that has no outcome gets one.
  ///
  /// - Parameter isMisfit: whether it would be the same at the next attempt, unless it has worked before.
  func end(_ reason: String, isMisfit: Bool = false) {
    guard !isEnded else { return }
    isEnded = true
    watch?.task.cancel()
    watch = nil
    let unwritten =
      isMisfit && !hasHeard
      ? RedisError.misconfigured("Redis at \(address): \(reason)")
      : .unreachable("no connection to Redis at \(address): \(reason)")
    let lost = RedisError.lost(
      "the connection to Redis at \(address) ended before its reply, so that nobody knows what became of it: \(reason)")
    let neverSeen = link?.end(unwritten) ?? []
    let entries = unanswered
    unanswered = CircularBuffer()
    for entry in entries {
      // Of the first write that is not done, a part may have left. Before a word from the server there is but our
      // greeting, of which it does not matter.
      let mayHaveLeft = hasHeard && entry.write <= writesDone + 1
      entry.completion(.failure(mayHaveLeft ? lost : unwritten))
    }
    for command in neverSeen { command.completion(.failure(unwritten)) }
    context?.close(promise: nil)
  }
}
