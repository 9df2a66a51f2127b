import COpenSSL
import TLS

/// A client that is OpenSSL itself, without our code around it, so that a test can have it do what ours never does.
final class Peer {
  struct Habits {
    var oldest = TLS1_2_VERSION
    var newest = TLS1_3_VERSION
    /// Of TLS 1.2, in OpenSSL's words.
    var ciphers = "DEFAULT"
    /// Of signatures, in OpenSSL's words.
    var signatures: String?
    var protocols: [String] = []
    var serverName: String? = "gateway.test"
    var certificate: TestCertificate?
    /// To resume, from an earlier peer.
    var resuming: Kept?
  }

  /// What a session left behind to be resumed with.
  final class Kept {
    fileprivate let pointer: OpaquePointer

    fileprivate init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { SSL_SESSION_free(pointer) }
  }

  private let session: OpaquePointer
  private let incoming = BIO_new(BIO_s_mem())
  private let outgoing = BIO_new(BIO_s_mem())
  private(set) var isEstablished = false
  /// The server has said that nothing more comes.
  private(set) var isInputEnded = false
  /// What OpenSSL says went wrong; an alert that came is 1000 and its number.
  private(set) var failure: Int32?
  private(set) var received: [UInt8] = []

  init(_ habits: Habits = Habits()) {
    let context = SSL_CTX_new(TLS_client_method())
    defer { SSL_CTX_free(context) }
    SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(habits.oldest), nil)
    SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(habits.newest), nil)
    SSL_CTX_set_cipher_list(context, habits.ciphers)
    if var signatures = habits.signatures {
      signatures.withUTF8 { text in
        let line = Array(text) + [0]
        _ = line.withUnsafeBytes {
          SSL_CTX_ctrl(context, SSL_CTRL_SET_SIGALGS_LIST, 0, UnsafeMutableRawPointer(mutating: $0.baseAddress))
        }
      }
    }
    let wire = habits.protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
    if !wire.isEmpty { SSL_CTX_set_alpn_protos(context, wire, UInt32(wire.count)) }
    if let certificate = habits.certificate {
      SSL_CTX_use_certificate(context, certificate.pointer)
      SSL_CTX_use_PrivateKey(context, certificate.key.pointer)
    }
    session = SSL_new(context)!
    SSL_set_bio(session, incoming, outgoing)
    SSL_set_connect_state(session)
    if let name = habits.serverName { _ = shim_set_host_name(session, name) }
    if let kept = habits.resuming { SSL_set_session(session, kept.pointer) }
    for bio in [incoming, outgoing] { BIO_ctrl(bio, BIO_C_SET_BUF_MEM_EOF_RETURN, -1, nil) }
  }

  deinit { SSL_free(session) }

  // MARK: - Bytes

  /// Takes records, and does what can be done with them.
  func receive(_ records: [UInt8]) {
    if !records.isEmpty { BIO_write(incoming, records, Int32(records.count)) }
    guard failure == nil else { return }
    ERR_clear_error()
    if !isEstablished {
      let outcome = SSL_do_handshake(session)
      guard outcome == 1 else { return note(outcome) }
      isEstablished = true
    }
    var space = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = SSL_read(session, &space, Int32(space.count))
      guard count > 0 else { return note(count) }
      received += space.prefix(Int(count))
    }
  }

  private func note(_ outcome: Int32) {
    defer { ERR_clear_error() }
    switch SSL_get_error(session, outcome) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: break
    case SSL_ERROR_ZERO_RETURN: isInputEnded = true
    default: failure = ERR_GET_REASON(ERR_peek_error())
    }
  }

  /// Records for the server.
  func takeOutput() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(outgoing))
    BIO_read(outgoing, &bytes, Int32(bytes.count))
    return bytes
  }

  func write(_ bytes: [UInt8]) {
    ERR_clear_error()
    precondition(SSL_write(session, bytes, Int32(bytes.count)) == bytes.count)
  }

  func close() {
    SSL_shutdown(session)
    ERR_clear_error()
  }

  /// TLS 1.3's KeyUpdate (RFC 8446 section 4.6.3).
  func updateKeys(andAsk asks: Bool) {
    SSL_key_update(session, asks ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED)
    SSL_do_handshake(session)
  }

  /// TLS 1.2's second handshake on a connection (RFC 5246 section 7.4.1.1).
  func renegotiate() {
    SSL_renegotiate(session)
    SSL_do_handshake(session)
    ERR_clear_error()
  }

  // MARK: - What was agreed on

  var version: String { String(cString: SSL_get_version(session)) }
  var isResumed: Bool { SSL_session_reused(session) == 1 }
  var keeps: Kept? { SSL_get1_session(session).map(Kept.init) }

  var applicationProtocol: String? {
    var name: UnsafePointer<UInt8>?
    var length: UInt32 = 0
    SSL_get0_alpn_selected(session, &name, &length)
    return length == 0 ? nil : String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
  }

  /// Whether the server has shown this certificate.
  func saw(_ certificate: TestCertificate) -> Bool {
    guard let shown = SSL_get1_peer_certificate(session) else { return false }
    defer { X509_free(shown) }
    return X509_cmp(shown, certificate.pointer) == 0
  }
}
