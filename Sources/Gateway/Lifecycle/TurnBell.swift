package import LoopTurns
package import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The descriptor that a loop's turns begin with: a pipe from the loop to itself.
package final class TurnBell: ChannelInboundHandler, Sendable {
  package typealias InboundIn = ByteBuffer

  private let turns: NIOLoopBound<LoopTurns>
  private let writeEnd: Int32

  private init(_ turns: NIOLoopBound<LoopTurns>, writeEnd: Int32) {
    self.turns = turns
    self.writeEnd = writeEnd
  }

  /// - Throws: `IOError` when there are no descriptors left.
  package static func hang(on turns: NIOLoopBound<LoopTurns>) async throws {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw IOError(errnoCode: errno, reason: "pipe") }
    let bell = TurnBell(turns, writeEnd: ends[1])
    _ = try await NIOPipeBootstrap(group: turns.eventLoop)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bell) }
      }
      .takingOwnershipOfDescriptor(input: ends[0]).get()
  }

  package func channelActive(context: ChannelHandlerContext) {
    turns.value.ring = { [writeEnd] in
      var byte: UInt8 = 0
      _ = write(writeEnd, &byte, 1)
    }
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) { turns.value.run() }

  package func channelInactive(context: ChannelHandlerContext) {
    turns.value.ring = nil
    closeDescriptor(writeEnd)
  }
}

/// The system's `close`.
private func closeDescriptor(_ descriptor: Int32) { close(descriptor) }
