import Gateway
import Locking
import LoopTurns
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A loop on which work goes on without end.
@Suite(.timeLimit(.minutes(10))) struct TurnBellTests {
  /// A turn that came by a timer was due again by the time another timer's task had run, and that one when the turn had:
  /// the loop ran tasks and looked at no socket for as long as both had work. With thousands of clients coming back at
  /// once that was a third of a second at a stretch.
  @Test func `sockets are served while turns and timers have work without end`() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    let turns = try await loop.submit { NIOLoopBound(LoopTurns(loop), eventLoop: loop) }.get()
    try await TurnBell.hang(on: turns)
    let server = try await ServerBootstrap(group: loop)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(EchoHandler()) }
      }
      .bind(host: "127.0.0.1", port: 0).get()

    let isOver = Guarded(false)
    let turnsTaken = Guarded(0)
    try await loop.submit {
      let turns = turns.value
      func turn() {
        turnsTaken.withLock { $0 += 1 }
        Self.work()
        if !isOver.withLock({ $0 }) { turns.next(turn) }
      }
      func timer() {
        Self.work()
        if !isOver.withLock({ $0 }) { loop.assumeIsolated().scheduleTask(in: .microseconds(20)) { timer() } }
      }
      turn()
      timer()
    }.get()

    let answer = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: String.self)
    let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(ReplyHandler(answer)) }
      }
      .connect(to: try #require(server.localAddress)).get()
    try await client.writeAndFlush(ByteBuffer(string: "is anybody there?"))
    #expect(try await answer.futureResult.get() == "is anybody there?")
    #expect(turnsTaken.withLock { $0 } > 2)
    isOver.withLock { $0 = true }
    try await client.close()
    try await group.shutdownGracefully()
  }

  /// Longer than a timer takes to be due.
  private static func work() {
    let end = NIODeadline.now() + .milliseconds(1)
    while .now() < end {}
  }
}

private final class EchoHandler: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer
  func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.writeAndFlush(data, promise: nil) }
}

private final class ReplyHandler: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer
  private let promise: EventLoopPromise<String>
  init(_ promise: EventLoopPromise<String>) { self.promise = promise }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    promise.succeed(String(buffer: unwrapInboundIn(data)))
  }
}
