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
    let unreadable = pair.unreadable
    guard unreadable.isEmpty else { return errors += unreadable.map { "tls.certificates: \($0)" } }
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
    if let fault = pair.load(into: context) {
      errors.append("tls.certificates: \(fault)")
      return nil
    }
    guard let certificate = SSL_CTX_get0_certificate(context) else { return nil }
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
