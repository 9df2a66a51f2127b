import COpenSSL

/// Why a session has failed. What is owed to the peer, TLS's alert, is in the output.
package struct TLSError: Error, Sendable, CustomStringConvertible {
  package enum Reason: String, Sendable {
    /// The peer speaks plain HTTP.
    case clearText
    /// No version of TLS that both know: the peer's newest is below 1.2.
    case version
    /// No cipher, group or signature that both know.
    case cipher
    /// None of the application protocols that the peer offers is spoken here.
    case applicationProtocol
    /// The peer's certificate is missing, or nobody vouches for it.
    case certificate
    /// The peer does not like what we sent, our certificate most likely, and has said so.
    case refused
    /// The peer begins things anew again and again (`TLSSession.lateMessagesLimit`).
    case flood
    /// What came is no TLS, or was changed on its way.
    case malformed
  }

  package let reason: Reason
  /// OpenSSL's words, where it is OpenSSL that complains.
  package let detail: String

  package var description: String { "\(reason.rawValue): \(detail)" }

  package var isClearText: Bool { reason == .clearText }

  /// What OpenSSL's queue of this thread says of a session; empties it.
  static func takeLast(of session: OpaquePointer?) -> TLSError {
    let code = ERR_peek_error()
    defer { ERR_clear_error() }
    guard code != 0 else { return TLSError(reason: .malformed, detail: "the connection broke off") }
    let detail = ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
    let reason = reason(ERR_GET_REASON(code))
    return TLSError(reason: reason, detail: reason == .certificate ? detail + verdict(on: session) : detail)
  }

  /// Why a certificate is not taken, where one was shown.
  private static func verdict(on session: OpaquePointer?) -> String {
    let verdict = SSL_get_verify_result(session)
    guard verdict != X509_V_OK, let words = X509_verify_cert_error_string(verdict) else { return "" }
    return ": \(String(cString: words))"
  }

  private static func reason(_ number: Int32) -> Reason {
    switch number {
    case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST: .clearText
    case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION: .version
    case SSL_R_NO_SHARED_CIPHER, SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, SSL_R_NO_SUITABLE_KEY_SHARE,
      SSL_R_NO_SHARED_GROUPS, SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
      .cipher
    case SSL_R_NO_APPLICATION_PROTOCOL, SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: .applicationProtocol
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, SSL_R_CERTIFICATE_VERIFY_FAILED: .certificate
    // Alerts that came: 1000 and their number.
    case 1000...1255: .refused
    default: .malformed
    }
  }
}
