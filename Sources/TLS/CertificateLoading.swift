import COpenSSL

/// A certificate and its key on their way into a context, a server's or a client's.
extension TLSSettings.Pair {
  /// Which of the files cannot be read, and why.
  var unreadable: [String] {
    [("certificate", certificate), ("key", key)].compactMap { member, file in
      FileFault.reading(file).map { "\(member) \(file) \($0)" }
    }
  }

  /// - Returns: what is wrong with them; nil if they are in use now.
  func load(into context: OpaquePointer) -> String? {
    // Nobody is there to ask for a password.
    SSL_CTX_set_default_passwd_cb(context) { _, _, _, _ in -1 }
    ERR_clear_error()
    guard SSL_CTX_use_certificate_chain_file(context, certificate) == 1,
      let loaded = SSL_CTX_get0_certificate(context)
    else { return "certificate \(certificate) \(Self.words(for: .certificate))" }
    // OpenSSL itself lets an RSA key stand beside an ECDSA certificate, and the other way round.
    guard SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1,
      X509_check_private_key(loaded, SSL_CTX_get0_privatekey(context)) == 1
    else { return "key \(key) \(Self.words(for: .key(of: certificate)))" }
    return nil
  }

  private enum File {
    case certificate
    case key(of: String)
  }

  /// What OpenSSL says of a file, to stand behind its name. Of its errors, which come one about the other, the first
  /// that there are words for counts.
  private static func words(for file: File) -> String {
    var last: UInt = 0
    var words: String?
    while case let code = ERR_get_error(), code != 0 {
      last = code
      words = words ?? self.words(for: file, library: ERR_GET_LIB(code), reason: ERR_GET_REASON(code))
    }
    if let words { return words }
    return "cannot be used: \(ERR_reason_error_string(last).map { String(cString: $0) } ?? "unknown error")"
  }

  private static let interrupted = Int32(ERR_R_INTERRUPTED_OR_CANCELLED)
  private static let unsupported = Int32(ERR_R_UNSUPPORTED)

  private static func words(for file: File, library: Int32, reason: Int32) -> String? {
    switch (file, library, reason) {
    case (.key(let certificate), ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH),
      (.key(let certificate), ERR_LIB_X509, X509_R_KEY_TYPE_MISMATCH):
      "is not the key of \(certificate)"
    case (_, ERR_LIB_SSL, SSL_R_EE_KEY_TOO_SMALL):
      "has a key that is too short to be safe; make one with 2048 bits (RSA) or a P-256 key"
    case (_, ERR_LIB_SSL, SSL_R_CA_MD_TOO_WEAK), (_, ERR_LIB_SSL, SSL_R_CA_KEY_TOO_SMALL):
      "or one that vouches for it is signed in a way that is not safe; make it anew with SHA-256"
    case (.key, ERR_LIB_PEM, PEM_R_BAD_PASSWORD_READ), (.key, ERR_LIB_PEM, PEM_R_BAD_DECRYPT),
      (.key, ERR_LIB_PROV, PROV_R_UNABLE_TO_GET_PASSPHRASE), (.key, ERR_LIB_CRYPTO, interrupted):
      "is locked by a password; write it without one: openssl pkey -in KEY -out UNLOCKED"
    case (.certificate, ERR_LIB_PEM, PEM_R_NO_START_LINE):
      "has no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
    case (.key, ERR_LIB_PEM, PEM_R_NO_START_LINE), (.key, ERR_LIB_OSSL_DECODER, unsupported):
      "has no private key in PEM form (-----BEGIN PRIVATE KEY-----)"
    default: nil
    }
  }
}
