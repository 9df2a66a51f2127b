import COpenSSL

/// A server's files while they are read; goes on past what is wrong, so that all of it is told at once.
struct ServerLoading {
  struct Entry {
    let context: OpaquePointer
    /// In lower case.
    let names: Set<String>
    var keyTypes: Set<Int32>
  }

  private(set) var entries: [Entry] = []
  private(set) var summaries: [CertificateSummary] = []
  var errors: [String] = []
  private let settings: TLSSettings
  private let ticketKey: TLSTicketKey
  private let now: Int64

  init(_ settings: TLSSettings, ticketKey: TLSTicketKey, now: Int64) {
    self.settings = settings
    self.ticketKey = ticketKey
    self.now = now
  }

  mutating func add(_ pair: TLSSettings.Pair) {
    let unreadable = [("certificate", pair.certificate), ("key", pair.key)].compactMap { member, file in
      FileFault.reading(file).map { "tls.certificates: \(member) \(file) \($0)" }
    }
    guard unreadable.isEmpty else { return errors += unreadable }
    let context = makeContext()
    guard let (summary, keyType) = read(pair, into: context) else { return SSL_CTX_free(context) }
    if let fault = fault(of: summary) {
      errors.append(fault)
      return SSL_CTX_free(context)
    }
    summaries.append(summary)
    // An RSA and an ECDSA certificate for the same names stand in one context: OpenSSL takes what the client can use.
    let names = Set(summary.names.map { $0.lowercased() })
    if let twin = entries.firstIndex(where: { $0.names == names && !$0.keyTypes.contains(keyType) }) {
      SSL_CTX_free(context)
      _ = read(pair, into: entries[twin].context)
      entries[twin].keyTypes.insert(keyType)
    } else {
      entries.append(Entry(context: context, names: names, keyTypes: [keyType]))
    }
  }

  private mutating func read(
    _ pair: TLSSettings.Pair, into context: OpaquePointer
  ) -> (summary: CertificateSummary, keyType: Int32)? {
    ERR_clear_error()
    guard SSL_CTX_use_certificate_chain_file(context, pair.certificate) == 1,
      let certificate = SSL_CTX_get0_certificate(context)
    else {
      errors.append("tls.certificates: certificate \(pair.certificate) \(Self.words(for: .certificate))")
      return nil
    }
    // OpenSSL itself lets an RSA key stand beside an ECDSA certificate, and the other way round.
    guard SSL_CTX_use_PrivateKey_file(context, pair.key, SSL_FILETYPE_PEM) == 1,
      X509_check_private_key(certificate, SSL_CTX_get0_privatekey(context)) == 1
    else {
      errors.append("tls.certificates: key \(pair.key) \(Self.words(for: .key(of: pair.certificate)))")
      return nil
    }
    return (
      CertificateSummary(certificate, file: pair.certificate), EVP_PKEY_get_base_id(X509_get0_pubkey(certificate))
    )
  }

  private func fault(of summary: CertificateSummary) -> String? {
    if summary.notAfter <= now {
      return "tls.certificates: certificate \(summary.file) ended \(Self.span(now - summary.notAfter)) ago; renew it"
    }
    if summary.notBefore > now {
      return "tls.certificates: certificate \(summary.file) begins only in \(Self.span(summary.notBefore - now)); "
        + "is the clock right?"
    }
    return nil
  }

  private static func span(_ seconds: Int64) -> String {
    switch seconds {
    case ..<120: "\(seconds) seconds"
    case ..<7200: "\(seconds / 60) minutes"
    case ..<172_800: "\(seconds / 3600) hours"
    default: "\(seconds / 86_400) days"
    }
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

  /// Who may vouch for clients.
  mutating func addAuthorities() {
    guard settings.clientCertificates != .off else { return }
    guard let file = settings.clientAuthorities else {
      return errors.append("tls.client_authorities: name a PEM file with those who vouch for clients")
    }
    if let fault = FileFault.reading(file) { return errors.append("tls.client_authorities: \(file) \(fault)") }
    defer { ERR_clear_error() }
    let trial = makeContext()
    defer { SSL_CTX_free(trial) }
    for context in [trial] + entries.map(\.context) {
      guard SSL_CTX_load_verify_locations(context, file, nil) == 1 else {
        return errors.append(
          "tls.client_authorities: \(file) has no certificate in PEM form (-----BEGIN CERTIFICATE-----)")
      }
      SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(file))
      let must = settings.clientCertificates == .required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER | must, nil)
    }
    bindTickets(to: file)
  }

  /// A ticket says that its holder was let in once; it must be worth nothing where another rule holds since.
  private func bindTickets(to file: String) {
    guard let bio = BIO_new_file(file, "rb") else { return }
    defer { BIO_free(bio) }
    let digesting = EVP_MD_CTX_new()
    defer { EVP_MD_CTX_free(digesting) }
    EVP_DigestInit_ex(digesting, EVP_sha256(), nil)
    let rule = Array(settings.clientCertificates.rawValue.utf8)
    EVP_DigestUpdate(digesting, rule, rule.count)
    var space = [UInt8](repeating: 0, count: 4 << 10)
    var count: Int32
    repeat {
      count = BIO_read(bio, &space, Int32(space.count))
      EVP_DigestUpdate(digesting, space, Int(max(count, 0)))
    } while count > 0
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    EVP_DigestFinal_ex(digesting, &digest, nil)
    for entry in entries { SSL_CTX_set_session_id_context(entry.context, digest, UInt32(digest.count)) }
  }

  /// Mozilla's "intermediate" for OpenSSL 3 (Server Side TLS 5.7), without finite-field Diffie-Hellman.
  private func makeContext() -> OpaquePointer {
    guard let context = SSL_CTX_new(TLS_server_method()) else { preconditionFailure("out of memory") }
    shim_set_habits(context)
    _ = shim_set_min_version(context, TLS1_2_VERSION)
    shim_set_max_certificates(context, Self.clientCertificatesLimit)
    SSL_CTX_set_cipher_list(context, Self.ciphers)
    _ = shim_set_groups(context, "X25519:prime256v1:secp384r1")
    // Nobody is there to ask for a password.
    SSL_CTX_set_default_passwd_cb(context) { _, _, _, _ in -1 }
    // Tickets are bound to who is let in (`bindTickets`), and to nothing else, so that they outlive certificates and nodes.
    let name = Array("sluice".utf8)
    SSL_CTX_set_session_id_context(context, name, UInt32(name.count))
    var keys = ticketKey.bytes
    _ = shim_set_ticket_keys(context, &keys, Int32(keys.count))
    return context
  }

  /// How many bytes of certificates a client may show.
  private static let clientCertificatesLimit = 32 << 10

  /// Of TLS 1.2; all of TLS 1.3's are good.
  private static let ciphers = [
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
  ].joined(separator: ":")
}
