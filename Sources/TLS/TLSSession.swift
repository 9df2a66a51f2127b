import COpenSSL

/// One connection's TLS (RFC 8446, RFC 5246), without I/O: records in, bytes in clear out, and back. Confined to one
/// event loop.
///
/// After any call there may be records in the output, for the peer: an answer of the handshake, a ticket, an alert.
/// After a thrown error only those may still be sent.
package final class TLSSession {
  let output: TLSOutput
  private let context: TLSContext
  private let isServer: Bool
  private var session: OpaquePointer?
  /// Records that just came, while `receive` is at work.
  private var records = UnsafeRawBufferPointer(start: nil, count: 0)

  package private(set) var isEstablished = false
  /// The peer has said that nothing more comes (close_notify).
  package private(set) var isInputEnded = false
  private var isClosed = false
  private var hasBegun = false
  private var lateMessages = 0

  /// How many messages a peer may send in a session's life that belong to handshakes and come after it: new keys, which
  /// it may want after millions of records (RFC 8446 section 5.5). Each costs us work, and some an answer.
  package static let lateMessagesLimit = 100

  /// - Parameters:
  ///   - context: a server's or a client's; the session is of its kind.
  ///   - serverName: a client's: whom it asks for, and whose certificate it wants to see. A name or an address.
  package init(_ context: TLSContext, output: TLSOutput, serverName: String? = nil) {
    self.context = context
    self.output = output
    isServer = context.isServer
    guard let session = SSL_new(context.pointer) else { preconditionFailure("out of memory") }
    self.session = session
    let bio = RecordBIO.make(for: self)
    SSL_set_bio(session, bio, bio)
    if isServer {
      SSL_set_accept_state(session)
    } else {
      SSL_set_connect_state(session)
      if let serverName { expect(serverName, session) }
    }
  }

  deinit { assert(session == nil, "a TLS session must be freed on its own loop") }

  /// Frees what OpenSSL holds; the session must not be used after it. On the session's own loop.
  package func free() {
    SSL_free(session)
    session = nil
    isClosed = true
  }

  private func expect(_ name: String, _ session: OpaquePointer) {
    let parameters = SSL_get0_param(session)
    // An address is in a certificate as one, and is no server name (RFC 6066 section 3).
    if X509_VERIFY_PARAM_set1_ip_asc(parameters, name) != 1 {
      _ = shim_set_host_name(session, name)
      SSL_set1_host(session, name)
    }
    ERR_clear_error()
  }

  // MARK: - What was agreed on

  /// Of ALPN (RFC 7301); nil without an agreement.
  package var applicationProtocol: String? {
    var name: UnsafePointer<UInt8>?
    var length: UInt32 = 0
    SSL_get0_alpn_selected(session, &name, &length)
    return length == 0 ? nil : String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
  }

  /// `TLSv1.3`.
  package var version: String { SSL_get_version(session).map { String(cString: $0) } ?? "" }

  /// What the peer has shown; nil if it has shown none.
  package var peerCertificate: CertificateSummary? {
    SSL_get0_peer_certificate(session).map { CertificateSummary($0, file: "") }
  }

  /// Whether keys were taken over from an earlier session.
  package var isResumed: Bool { SSL_session_reused(session) == 1 }

  // MARK: - In

  /// A client's first records.
  package func start() throws(TLSError) { try shakeHands() }

  /// Takes all of `bytes`.
  ///
  /// - Parameter into: takes bytes in clear: it is told how much space is good to have, gives space to the closure it
  ///   is handed, and learns from that how many bytes were written, which may be none.
  package func receive(
    _ bytes: UnsafeRawBufferPointer,
    into: (_ space: Int, _ write: (UnsafeMutableRawBufferPointer) -> Int) -> Void
  ) throws(TLSError) {
    guard session != nil, !isInputEnded else { return }
    if isServer, !hasBegun, let first = bytes.first {
      hasBegun = true
      // OpenSSL knows a few methods only.
      if Self.methodLetters.contains(first) {
        isClosed = true
        throw TLSError(reason: .clearText, detail: "http request")
      }
    }
    records = bytes
    defer { records = UnsafeRawBufferPointer(start: nil, count: 0) }
    if !isEstablished {
      try shakeHands()
      guard isEstablished else { return }
    }
    while true {
      var outcome: Int32 = 0
      into(max(records.count, Self.leastSpace)) { space in
        ERR_clear_error()
        outcome = SSL_read(session, space.baseAddress, Int32(clamping: space.count))
        return max(Int(outcome), 0)
      }
      guard lateMessages <= Self.lateMessagesLimit else { throw flooded() }
      if outcome > 0 {
        // To be told that there is nothing more would cost OpenSSL a buffer that it makes and gives back.
        if records.isEmpty, SSL_pending(session) == 0 { return }
        continue
      }
      switch SSL_get_error(session, outcome) {
      case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return
      case SSL_ERROR_ZERO_RETURN:
        isInputEnded = true
        return
      default: throw failed()
      }
    }
  }

  private static let leastSpace = 512
  /// What a request in clear begins with; a record begins with its type, which is below (RFC 8446 section 5.1).
  private static let methodLetters = UInt8(ascii: "A")...UInt8(ascii: "Z")

  private func shakeHands() throws(TLSError) {
    ERR_clear_error()
    let outcome = SSL_do_handshake(session)
    if outcome == 1 {
      isEstablished = true
      countLateMessages()
    } else {
      let error = SSL_get_error(session, outcome)
      guard error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE else { throw failed() }
    }
  }

  private func failed() -> TLSError {
    isClosed = true
    return .takeLast(of: session)
  }

  private func flooded() -> TLSError {
    isClosed = true
    return TLSError(reason: .flood, detail: "a second handshake, or new keys more than \(Self.lateMessagesLimit) times")
  }

  private func countLateMessages() {
    shim_set_message_callback(
      session,
      { isOurs, _, type, bytes, count, _, argument in
        // Most often it is the head of a record of data.
        guard let argument, type == (isOurs == 1 ? SSL3_RT_ALERT : SSL3_RT_HANDSHAKE) else { return }
        let session = Unmanaged<TLSSession>.fromOpaque(argument).takeUnretainedValue()
        if isOurs == 1 {
          session.noteAlert(UnsafeRawBufferPointer(start: bytes, count: count))
        } else {
          session.lateMessages += 1
        }
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  /// OpenSSL would say no to a second handshake (RFC 5246 section 7.2.2) as often as it is tried.
  private func noteAlert(_ alert: UnsafeRawBufferPointer) {
    if alert.last == UInt8(SSL_AD_NO_RENEGOTIATION) { lateMessages = Self.lateMessagesLimit + 1 }
  }

  /// OpenSSL takes what it needs; a flood is not read on, since OpenSSL reads until there is something in clear.
  func takeRecords(_ space: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(space.count, records.count)
    guard count > 0, lateMessages <= Self.lateMessagesLimit else { return 0 }
    space.copyMemory(from: UnsafeRawBufferPointer(rebasing: records[..<count]))
    records = UnsafeRawBufferPointer(rebasing: records[count...])
    return count
  }

  // MARK: - Out

  /// Makes records of bytes in clear, as few as can be: one for each 16 KiB.
  ///
  /// - Precondition: the session is established.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(TLSError) {
    precondition(isEstablished, "TLS carries nothing before its handshake is done")
    var rest = bytes
    while !rest.isEmpty, !isClosed {
      ERR_clear_error()
      // Int32 is what it counts in.
      let count = SSL_write(session, rest.baseAddress, Int32(clamping: rest.count))
      guard count > 0 else { throw failed() }
      rest = UnsafeRawBufferPointer(rebasing: rest[Int(count)...])
    }
  }

  /// Says that nothing more comes (close_notify).
  package func close() {
    guard isEstablished, !isClosed else { return }
    isClosed = true
    ERR_clear_error()
    SSL_shutdown(session)
    ERR_clear_error()
  }
}
