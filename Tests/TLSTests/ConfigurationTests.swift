import Foundation
import TLS
import Testing

@Suite struct `TLS configuration` {
  let folder = TestFolder()

  /// - Returns: what is wrong, with the folder's path left out.
  private func faults(of settings: TLSSettings) -> [String] {
    do throws(TLSConfigurationErrors) {
      _ = try TLSContext.server(settings, ticketKey: .random(), now: TestCertificate.now)
      return []
    } catch {
      return error.messages.map { $0.replacing("\(folder.path)/", with: "") }
    }
  }

  private func faults(of pair: TLSSettings.Pair) -> [String] { faults(of: TLSSettings(certificates: [pair])) }

  @Test func `says what a certificate is for, from when and until when`() throws {
    let pair = folder.write(.gateway, as: "good")
    let context = try TLSContext.server(
      TLSSettings(certificates: [pair]), ticketKey: .random(), now: TestCertificate.now)
    let summary = try #require(context.certificates.first)
    #expect(summary.file == pair.certificate)
    #expect(summary.names == ["gateway.test", "127.0.0.1"])
    #expect(summary.notBefore == TestCertificate.now - TestCertificate.day)
    #expect(summary.notAfter == TestCertificate.now + 90 * TestCertificate.day)
    #expect(summary.issuer.contains("Tests' Authority"))
    #expect(!summary.isSelfSigned)
  }

  @Test func `takes the common name where there is no other, and knows who signed himself`() {
    let context = TLSContext.serving([TestCertificate(name: "old.test")])
    #expect(context.certificates.map(\.names) == [["old.test"]])
    #expect(context.certificates.map(\.isSelfSigned) == [true])
  }

  @Test func `reads addresses of both families`() {
    let context = TLSContext.serving([TestCertificate(names: ["IP:192.0.2.7", "IP:2001:db8::7"])])
    #expect(context.certificates.map(\.names) == [["192.0.2.7", "2001:db8::7"]])
  }

  @Test func `a file that is not there`() {
    let missing = TLSSettings.Pair(certificate: "\(folder.path)/no.pem", key: "\(folder.path)/no.key")
    #expect(
      faults(of: missing) == [
        "tls.certificates: certificate no.pem cannot be read: No such file or directory",
        "tls.certificates: key no.key cannot be read: No such file or directory",
      ])
  }

  @Test func `files without PEM in them`() {
    let good = folder.write(.gateway, as: "good")
    let text = folder.write("nothing of the kind\n", to: "text")
    #expect(
      faults(of: .init(certificate: text, key: good.key)) == [
        "tls.certificates: certificate text has no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
      ])
    #expect(
      faults(of: .init(certificate: good.certificate, key: text)) == [
        "tls.certificates: key text has no private key in PEM form (-----BEGIN PRIVATE KEY-----)"
      ])
    // The two in each other's place, as it happens.
    #expect(
      faults(of: .init(certificate: good.key, key: good.certificate)) == [
        "tls.certificates: certificate good.key has no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
      ])
  }

  @Test(arguments: [TestKey(), .rsa2048]) func `a key of another certificate`(key: TestKey) {
    let good = folder.write(.gateway, as: "good")
    let other = folder.write(key.pem(), to: "other.key")
    #expect(
      faults(of: .init(certificate: good.certificate, key: other)) == [
        "tls.certificates: key other.key is not the key of good.pem"
      ])
  }

  @Test(.timeLimit(.minutes(10))) func `a locked key, without a question on the terminal`() {
    let good = folder.write(.gateway, as: "good")
    let locked = folder.write(TestCertificate.gateway.key.pem(password: "secret"), to: "locked.key")
    #expect(
      faults(of: .init(certificate: good.certificate, key: locked)) == [
        "tls.certificates: key locked.key is locked by a password; write it without one: "
          + "openssl pkey -in KEY -out UNLOCKED"
      ])
  }

  @Test func `a key that is too short`() {
    let weak = folder.write(TestCertificate(name: "weak.test", key: TestKey(.rsa(bits: 1024))), as: "weak")
    #expect(
      faults(of: weak) == [
        "tls.certificates: certificate weak.pem has a key that is too short to be safe; "
          + "make one with 2048 bits (RSA) or a P-256 key"
      ])
  }

  @Test func `a certificate that has ended, or not begun`() {
    let ended = folder.write(TestCertificate(name: "a.test", begins: -20, ends: -3), as: "ended")
    #expect(faults(of: ended) == ["tls.certificates: certificate ended.pem ended 3 days ago; renew it"])
    let early = folder.write(TestCertificate(name: "a.test", begins: 4), as: "early")
    #expect(
      faults(of: early) == ["tls.certificates: certificate early.pem begins only in 4 days; is the clock right?"])
  }

  @Test func `no certificate at all`() {
    #expect(faults(of: TLSSettings(certificates: [])) == ["tls.certificates: there is none"])
  }

  @Test func `authorities that are not named, not there, or none`() {
    var settings = TLSSettings(certificates: [folder.write(.gateway, as: "good")])
    settings.clientCertificates = .required
    #expect(
      faults(of: settings) == ["tls.client_authorities: name a PEM file with those who vouch for clients"])
    settings.clientAuthorities = "\(folder.path)/no.pem"
    #expect(
      faults(of: settings) == ["tls.client_authorities: no.pem cannot be read: No such file or directory"])
    settings.clientAuthorities = folder.write("nothing of the kind\n", to: "text")
    #expect(
      faults(of: settings) == [
        "tls.client_authorities: text has no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
      ])
  }

  @Test func `everything that is wrong at once`() {
    let good = folder.write(.gateway, as: "good")
    let ended = folder.write(TestCertificate(name: "a.test", begins: -20, ends: -3), as: "ended")
    let missing = TLSSettings.Pair(certificate: "\(folder.path)/no.pem", key: good.key)
    var settings = TLSSettings(certificates: [ended, missing])
    settings.clientCertificates = .optional
    settings.clientAuthorities = folder.write("nothing of the kind\n", to: "text")
    let faults = faults(of: settings)
    #expect(faults.count == 3)
    for (fault, word) in zip(faults, ["ended.pem", "no.pem", "text"]) { #expect(fault.contains(word)) }
  }

  @Test func `an authority of a client's that is not there`() throws {
    let error = try #require(throws: TLSConfigurationErrors.self) {
      try TLSContext.client(authorities: "\(folder.path)/no.pem")
    }
    #expect(error.messages == ["\(folder.path)/no.pem cannot be read: No such file or directory"])
  }

  @Test(arguments: [0, 79, 81, 4096]) func `a ticket key of another length`(length: Int) throws {
    let file = folder.write(Data(count: length), to: "tickets")
    let error = try #require(throws: TLSConfigurationErrors.self) { try TLSTicketKey(file: file) }
    let found = length > 80 ? "more than 80" : "\(length)"
    #expect(
      error.messages == [
        "tls.ticket_key: \(file) has \(found) bytes; it must be 80 random bytes: head -c 80 /dev/urandom > \(file)"
      ])
  }

  @Test func `a ticket key that is not there, or a folder`() throws {
    let file = "\(folder.path)/tickets"
    let error = try #require(throws: TLSConfigurationErrors.self) { try TLSTicketKey(file: file) }
    #expect(
      error.messages == [
        "tls.ticket_key: \(file) cannot be read: No such file or directory; "
          + "it must be 80 random bytes: head -c 80 /dev/urandom > \(file)"
      ])
    #expect(throws: TLSConfigurationErrors.self) { try TLSTicketKey(file: folder.path) }
  }

  @Test func `a ticket key from a file is one that sessions are resumed with`() throws {
    let file = folder.write(Data((0..<80).map { _ in UInt8.random(in: 0...255) }), to: "tickets")
    let first = Conversation(.serving(ticketKey: try TLSTicketKey(file: file)))
    first.run()
    let second = Conversation(
      .serving(ticketKey: try TLSTicketKey(file: file)), Peer.Habits(resuming: first.peer.keeps))
    second.run()
    #expect(second.server.isResumed)
  }
}
