import TLS

/// One of our server's sessions, and a peer that it talks with.
final class Conversation {
  let output = TLSOutput()
  let server: TLSSession
  let peer: Peer
  /// What the server has read, in clear.
  private(set) var received: [UInt8] = []
  /// Why the server's session has failed.
  private(set) var failure: TLSError?

  init(_ context: TLSContext, _ habits: Peer.Habits = Peer.Habits()) {
    server = TLSSession(context, output: output)
    peer = Peer(habits)
  }

  deinit { server.free() }

  /// Carries records to and fro until nobody has more to say.
  ///
  /// - Parameter pieces: how many bytes reach the server at once.
  func run(inPiecesOf pieces: Int = .max) {
    peer.receive([])
    while true {
      let records = peer.takeOutput()
      give(records, inPiecesOf: pieces)
      let answer = takeOutput()
      guard !records.isEmpty || !answer.isEmpty else { return }
      peer.receive(answer)
    }
  }

  /// Gives the server records.
  func give(_ records: [UInt8], inPiecesOf pieces: Int = .max) {
    var rest = records[...]
    while !rest.isEmpty, failure == nil {
      let piece = rest.prefix(pieces)
      rest = rest.dropFirst(piece.count)
      do throws(TLSError) { try server.receive(Array(piece), appendingTo: &received) } catch { failure = error }
    }
  }

  func takeOutput() -> [UInt8] {
    defer { output.clear() }
    return output.withBytes { Array($0) }
  }
}

extension TLSSession {
  /// As its owners do it, but into an array.
  func receive(_ records: [UInt8], appendingTo clear: inout [UInt8]) throws(TLSError) {
    var space = [UInt8](repeating: 0, count: 1 << 10)
    var taken: [UInt8] = []
    do throws(TLSError) {
      try records.withUnsafeBufferPointer { (records) throws(TLSError) in
        try receive(UnsafeRawBufferPointer(records)) { _, write in
          let count = space.withUnsafeMutableBytes(write)
          taken += space.prefix(count)
        }
      }
    } catch {
      clear += taken
      throw error
    }
    clear += taken
  }

  func write(_ bytes: [UInt8]) throws(TLSError) {
    try bytes.withUnsafeBufferPointer { (bytes) throws(TLSError) in try write(UnsafeRawBufferPointer(bytes)) }
  }
}
