import DirectWriter
import TestSupport
import Testing

/// Batches of writes to real sockets.
struct WriteBatchTests {
  private static let bytes = Array("0123456789abcdefghijklmnopqrstuvwxyz".utf8)

  private func submit(_ batch: inout WriteBatch, _ bytes: [UInt8] = bytes) {
    bytes.withUnsafeBytes { batch.submit($0) }
  }

  @Test func `each socket gets its own parts, in their order, in one write`() {
    let sockets = (0..<4).map { _ in SocketPair() }
    var batch = WriteBatch()
    batch.append(0..<10)
    #expect(batch.end(to: sockets[0].near, owner: 0) == 10)
    batch.append(30..<33)
    batch.append(0..<2)
    batch.append(10..<11)
    #expect(batch.end(to: sockets[1].near, owner: 1) == 6)
    batch.append(35..<36)
    #expect(batch.end(to: sockets[2].near, owner: 2) == 1)
    submit(&batch)
    #expect(batch.unfinished.isEmpty)
    #expect(sockets.map { String(decoding: $0.read(), as: UTF8.self) } == ["0123456789", "uvw01a", "z", ""])
  }

  @Test func `parts that touch become one, and a write can be repeated to other sockets`() {
    let sockets = (0..<4).map { _ in SocketPair() }
    var batch = WriteBatch()
    batch.append(0..<2)
    batch.append(2..<4)
    #expect(batch.end(to: sockets[0].near, owner: 0) == 4)
    batch.repeatLast(to: sockets[1].near, owner: 1)
    batch.append(0..<1)
    batch.append(6..<8)
    #expect(batch.end(to: sockets[2].near, owner: 2) == 3)
    batch.repeatLast(to: sockets[3].near, owner: 3)
    submit(&batch)
    #expect(sockets.map { String(decoding: $0.read(), as: UTF8.self) } == ["0123", "0123", "067", "067"])
  }

  @Test func `a batch is empty after it was submitted, and can be filled again`() {
    let socket = SocketPair()
    var batch = WriteBatch()
    for round in 0..<3 {
      batch.append(round..<round + 1)
      batch.append(10..<11)
      batch.end(to: socket.near, owner: 7)
      submit(&batch)
      #expect(String(decoding: socket.read(), as: UTF8.self) == "\(round)a")
    }
    submit(&batch)
    #expect(socket.read().isEmpty)
  }

  @Test func `a socket that takes a part of its bytes is told with how many, and the others get all of theirs`() {
    let slow = SocketPair(buffer: 4096)
    let other = SocketPair()
    let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 % 251) }
    var batch = WriteBatch()
    batch.append(0..<150_000)
    batch.append(160_000..<200_000)
    batch.end(to: slow.near, owner: 3)
    batch.append(0..<1000)
    batch.end(to: other.near, owner: 4)
    submit(&batch, bytes)
    #expect(batch.unfinished.map(\.owner) == [3])
    let taken = batch.unfinished[0].taken
    #expect(taken > 0 && taken < 190_000)
    #expect(slow.read() == Array(bytes[..<taken]))
    #expect(other.read() == Array(bytes[..<1000]))
    // Now it takes the next.
    batch.append(0..<5)
    batch.end(to: slow.near, owner: 3)
    submit(&batch, bytes)
    #expect(batch.unfinished.isEmpty)
  }

  @Test func `a socket that takes nothing, is closed at the other end or is none is told as having taken nothing`() {
    let full = SocketPair(buffer: 4096)
    let gone = SocketPair()
    gone.closeFar()
    let other = SocketPair()
    let bytes = [UInt8](repeating: 1, count: 1 << 20)
    var batch = WriteBatch()
    batch.append(0..<bytes.count)
    batch.end(to: full.near, owner: 0)
    submit(&batch, bytes)
    for (owner, socket) in [full.near, gone.near, -1, other.near].enumerated() {
      batch.append(0..<10)
      batch.end(to: socket, owner: Int32(owner))
    }
    submit(&batch, bytes)
    #expect(batch.unfinished.map(\.owner) == [0, 1, 2])
    #expect(batch.unfinished.map(\.taken) == [0, 0, 0])
    #expect(other.read().count == 10)
  }

  /// The kernel refuses a call with more than 1024 parts as a whole; a subscriber of many topics can have them.
  @Test func `a write of more parts than the kernel takes at once is taken up to there`() {
    let socket = SocketPair()
    let bytes = (0..<4000).map { UInt8(truncatingIfNeeded: $0) }
    var batch = WriteBatch()
    for part in 0..<2000 { batch.append(2 * part..<2 * part + 1) }
    #expect(batch.end(to: socket.near, owner: 0) == 2000)
    submit(&batch, bytes)
    #expect(batch.unfinished.map(\.taken) == [1024])
    #expect(socket.read() == (0..<1024).map { bytes[2 * $0] })
  }
}
