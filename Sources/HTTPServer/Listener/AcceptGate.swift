import DirectWriter
import Logging
import LoopTurns
import NIOCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// When to accept. The listening channel's first handler, on the accepting loop.
///
/// A batch of new connections is dealt out to the loops, and the next one is accepted when every loop has taken in its
/// share: however many clients come at once, no loop has more than a batch of them to set up between two of its bursts.
/// The others wait in the kernel's queue.
///
/// When there is no descriptor left for another connection accepting rests: the listening socket stays readable then,
/// so trying again at once would spin. A descriptor kept spare lets the clients that wait be answered meanwhile.
final class AcceptGate: ChannelDuplexHandler {
  typealias InboundIn = any Channel
  typealias OutboundIn = any Channel

  private let settings: HTTPListenerSettings
  /// What a client is told that cannot be let in; nil where that cannot be said, as under TLS.
  private let answer: ByteBuffer?
  private let counters: HTTPCounters
  private let logger: Logger
  private let loops: [any EventLoop]
  private let turns: @Sendable (any EventLoop) -> LoopTurns
  /// Loops that have not taken in the last batch.
  private var busyLoops = 0
  private var hasAccepted = false
  private var spare: Int32 = -1
  private var isPaused = false
  private var wantsRead = false
  /// One line for one shortage, however long it lasts.
  private var hasLogged = false
  /// Somebody asked for the end; NIO's own closing, after an error it thinks final, does not pass here.
  private var isClosing = false

  /// - Parameters:
  ///   - loops: those that connections are dealt out to.
  ///   - turns: each loop's.
  init(
    settings: HTTPListenerSettings, answer: ByteBuffer?, counters: HTTPCounters, logger: Logger,
    loops: [any EventLoop], turns: @escaping @Sendable (any EventLoop) -> LoopTurns
  ) {
    self.loops = loops
    self.turns = turns
    self.settings = settings
    self.answer = answer
    self.counters = counters
    self.logger = logger
  }

  func handlerAdded(context: ChannelHandlerContext) { spare = Self.openSpare() }

  func handlerRemoved(context: ChannelHandlerContext) {
    if spare >= 0 { closeDescriptor(spare) }
    spare = -1
  }

  func read(context: ChannelHandlerContext) {
    if isPaused || busyLoops > 0 { wantsRead = true } else { context.read() }
  }

  private func readIfWanted(_ context: ChannelHandlerContext) {
    guard wantsRead, !isPaused, busyLoops == 0 else { return }
    wantsRead = false
    context.read()
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    isClosing = true
    context.close(mode: mode, promise: promise)
  }

  func channelInactive(context: ChannelHandlerContext) {
    if !isClosing { logger.critical("the listener is closed after an error; restart to accept connections again") }
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    hasLogged = false
    hasAccepted = true
    context.fireChannelRead(data)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if hasAccepted {
      hasAccepted = false
      busyLoops = loops.count
      let gate = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      // A loop runs its tasks in order, so the connections are set up then; and it serves its sockets before its next
      // turn, or batch upon batch would come while it runs tasks.
      for loop in loops {
        loop.execute { [turns] in
          turns(loop).next { gate.eventLoop.execute { gate.value.0.loopIsDone(gate.value.1) } }
        }
      }
    }
    context.fireChannelReadComplete()
  }

  private func loopIsDone(_ context: ChannelHandlerContext) {
    busyLoops -= 1
    readIfWanted(context)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard let error = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode) else {
      // Mostly a connection that was gone before it was set up, which is its own affair.
      logger.debug("a connection could not be accepted", metadata: ["error": "\(error)"])
      return
    }
    counters.count(.acceptFailures)
    if !hasLogged {
      hasLogged = true
      logger.error(
        "no descriptor for another connection; refusing new ones until there is. Raise the limit of open files",
        metadata: ["errno": "\(error.errnoCode)"])
    }
    if error.errnoCode == EMFILE || error.errnoCode == ENFILE { refuseWaiting(context) }
    isPaused = true
    context.eventLoop.assumeIsolated().scheduleTask(in: settings.acceptPause) {
      self.isPaused = false
      if self.spare < 0 { self.spare = Self.openSpare() }
      self.readIfWanted(context)
    }
  }

  /// Answers some of the clients that wait, one at a time through the spare descriptor, never blocking.
  private func refuseWaiting(_ context: ChannelHandlerContext) {
    guard spare >= 0 else { return }
    let listening = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(
      of: NIOBSDSocket.Handle.self
    ) { $0 }
    guard let listening else { return }
    for _ in 0..<64 {
      closeDescriptor(spare)
      let client = accept(listening, nil, nil)
      if client >= 0 {
        _ = answer?.withUnsafeReadableBytes { DirectWriter.send($0, to: client) }
        shutdown(client, Int32(SHUT_WR))
        // A request that came already would turn the close into a reset.
        withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 1) { space in
          _ = recv(client, space.baseAddress, space.count, Int32(MSG_DONTWAIT))
        }
        closeDescriptor(client)
        counters.count(.refusedTotal)
      }
      spare = Self.openSpare()
      guard client >= 0, spare >= 0 else { return }
    }
  }

  private static func openSpare() -> Int32 { open("/dev/null", O_RDONLY | O_CLOEXEC) }
}

/// The system's `close`, which a channel handler's own would hide.
private func closeDescriptor(_ descriptor: Int32) { close(descriptor) }
