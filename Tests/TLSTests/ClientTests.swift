import TLS
import Testing

@Suite struct `TLS client` {
  /// Our client and our server, who talk with each other until nobody has more to say.
  private final class Both {
    let output = TLSOutput()
    let client: TLSSession
    let server: TLSSession
    var clientReceived: [UInt8] = []
    var serverReceived: [UInt8] = []
    var clientFailure: TLSError?
    var serverFailure: TLSError?

    init(_ clientContext: TLSContext, _ serverContext: TLSContext, serverName: String?) {
      client = TLSSession(clientContext, output: output, serverName: serverName)
      server = TLSSession(serverContext, output: output)
      do throws(TLSError) { try client.start() } catch { clientFailure = error }
    }

    deinit {
      client.free()
      server.free()
    }

    func run(inPiecesOf pieces: Int = .max) {
      while !output.isEmpty {
        carry(to: server, &serverReceived, &serverFailure, pieces)
        carry(to: client, &clientReceived, &clientFailure, pieces)
      }
    }

    private func carry(to session: TLSSession, _ received: inout [UInt8], _ failure: inout TLSError?, _ pieces: Int) {
      var records = output.withBytes { Array($0) }[...]
      output.clear()
      while !records.isEmpty, failure == nil {
        let piece = Array(records.prefix(pieces))
        records = records.dropFirst(piece.count)
        do throws(TLSError) { try session.receive(piece, appendingTo: &received) } catch { failure = error }
      }
    }
  }

  private func both(
    _ clientContext: TLSContext = .trusting(), _ serverContext: TLSContext = .serving(), for name: String?
  ) -> Both {
    let both = Both(clientContext, serverContext, serverName: name)
    both.run()
    return both
  }

  @Test(arguments: [1, 3, Int.max]) func `talks with our server however bytes are cut`(pieces: Int) throws {
    let both = Both(.trusting(protocols: ["http/1.1"]), .serving(), serverName: "gateway.test")
    both.run(inPiecesOf: pieces)
    #expect(both.client.isEstablished && both.server.isEstablished)
    #expect(both.client.version == "TLSv1.3")
    #expect(both.client.applicationProtocol == "http/1.1")
    try both.client.write(Array("ping".utf8))
    both.run(inPiecesOf: pieces)
    try both.server.write(Array("pong".utf8))
    let records = both.output.withBytes { Array($0) }
    both.output.clear()
    try both.client.receive(records, appendingTo: &both.clientReceived)
    #expect(both.serverReceived == Array("ping".utf8))
    #expect(both.clientReceived == Array("pong".utf8))
  }

  @Test(arguments: ["gateway.test", "127.0.0.1"]) func `takes a certificate for the name or address`(name: String) {
    let both = both(for: name)
    #expect(both.client.isEstablished && both.server.isEstablished)
  }

  @Test(arguments: [("other.test", "hostname mismatch"), ("127.0.0.2", "IP address mismatch")])
  func `refuses a certificate for another`(name: String, words: String) {
    let both = both(for: name)
    #expect(both.clientFailure?.reason == .certificate)
    #expect(both.clientFailure?.detail.contains(words) == true)
    // The server learns it, too.
    #expect(both.serverFailure?.reason == .refused)
  }

  @Test func `refuses one that nobody it trusts vouches for`() {
    let certificate = TestCertificate(names: ["DNS:gateway.test"], by: .stranger)
    let both = both(.trusting(), .serving([certificate]), for: "gateway.test")
    #expect(both.clientFailure?.reason == .certificate)
    #expect(both.clientFailure?.detail.contains("unable to get local issuer certificate") == true)
  }

  @Test func `trusts whom the system trusts where nobody is named`() throws {
    let both = both(try .client(authorities: nil), for: "gateway.test")
    #expect(both.clientFailure?.reason == .certificate)
  }

  @Test(arguments: ["other.test", "gateway.test"]) func `takes any where it shall not look`(name: String) {
    let certificate = TestCertificate(names: ["DNS:gateway.test"], by: .stranger)
    let both = both(.trusting(verifies: false), .serving([certificate]), for: name)
    #expect(both.client.isEstablished && both.server.isEstablished)
  }

  @Test func `is told that nothing it offers is spoken`() {
    let both = both(.trusting(protocols: ["spdy/3"]), for: "gateway.test")
    #expect(both.clientFailure?.reason == .applicationProtocol)
    #expect(both.serverFailure?.reason == .applicationProtocol)
  }
}
