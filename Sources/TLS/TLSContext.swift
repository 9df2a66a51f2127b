import COpenSSL

/// Certificates, keys and rules that sessions begin with. Never changed: a reload makes another, and the sessions that
/// began with this one keep it. Any thread may use it.
package final class TLSContext: Sendable {
  /// OpenSSL's contexts count their users with locks of their own; nothing here is written after `init`.
  nonisolated(unsafe) let pointer: OpaquePointer
  private nonisolated(unsafe) let others: [OpaquePointer]
  let isServer: Bool
  /// Of a server.
  package let certificates: [CertificateSummary]
  /// What OpenSSL's callbacks are handed; lives as long as this does, which sessions see to.
  private let choices: Choices?

  private init(
    _ pointer: OpaquePointer, others: [OpaquePointer] = [], isServer: Bool, certificates: [CertificateSummary] = [],
    choices: Choices? = nil
  ) {
    self.pointer = pointer
    self.others = others
    self.isServer = isServer
    self.certificates = certificates
    self.choices = choices
  }

  deinit {
    SSL_CTX_free(pointer)
    for other in others { SSL_CTX_free(other) }
  }

  // MARK: - A server's

  /// - Parameter now: in seconds since 1970; a certificate that has ended, or not begun, is an error.
  package static func server(
    _ settings: TLSSettings, ticketKey: TLSTicketKey, now: Int64
  ) throws(TLSConfigurationErrors) -> TLSContext {
    var loading = ServerLoading(settings, ticketKey: ticketKey, now: now)
    for pair in settings.certificates { loading.add(pair) }
    loading.addAuthorities()
    if settings.certificates.isEmpty { loading.errors.append("tls.certificates: there is none") }
    guard loading.errors.isEmpty, let first = loading.entries.first else {
      for entry in loading.entries { SSL_CTX_free(entry.context) }
      throw TLSConfigurationErrors(messages: loading.errors)
    }
    let choices = Choices(settings.applicationProtocols, loading.entries.map { ($0.names, $0.context) })
    for entry in loading.entries { choices.use(in: entry.context) }
    return TLSContext(
      first.context, others: loading.entries.dropFirst().map(\.context), isServer: true,
      certificates: loading.summaries, choices: choices)
  }

  // MARK: - A client's

  /// - Parameters:
  ///   - authorities: a PEM file of those who vouch for the server; nil: whom the system trusts.
  ///   - verifies: false takes whatever certificate the server shows.
  ///   - certificate: shown to a server that asks for one.
  package static func client(
    authorities: String?, verifies: Bool = true, applicationProtocols: [String] = [],
    certificate: TLSSettings.Pair? = nil
  ) throws(TLSConfigurationErrors) -> TLSContext {
    guard let context = SSL_CTX_new(TLS_client_method()) else { preconditionFailure("out of memory") }
    defer { ERR_clear_error() }
    shim_set_habits(context)
    _ = shim_set_min_version(context, TLS1_2_VERSION)
    SSL_CTX_set_verify(context, verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
    if !applicationProtocols.isEmpty {
      let wire = Choices.wire(applicationProtocols)
      SSL_CTX_set_alpn_protos(context, wire, UInt32(wire.count))
    }
    if let authorities {
      let fault = FileFault.reading(authorities)
      guard fault == nil, SSL_CTX_load_verify_locations(context, authorities, nil) == 1 else {
        SSL_CTX_free(context)
        throw TLSConfigurationErrors(
          messages: ["\(authorities) \(fault ?? "has no certificate in PEM form (-----BEGIN CERTIFICATE-----)")"])
      }
    } else {
      SSL_CTX_set_default_verify_paths(context)
    }
    if let certificate {
      var faults = certificate.unreadable
      if faults.isEmpty, let fault = certificate.load(into: context) { faults.append(fault) }
      guard faults.isEmpty else {
        SSL_CTX_free(context)
        throw TLSConfigurationErrors(messages: faults)
      }
    }
    return TLSContext(context, isServer: false)
  }
}

/// What depends on what a client says first: which certificate, and which application protocol.
private final class Choices: Sendable {
  private let protocols: [UInt8]
  private nonisolated(unsafe) let byName: [String: OpaquePointer]

  init(_ protocols: [String], _ contexts: [(names: Set<String>, context: OpaquePointer)]) {
    self.protocols = Self.wire(protocols)
    var byName: [String: OpaquePointer] = [:]
    for (names, context) in contexts {
      for name in names where byName[name] == nil { byName[name] = context }
    }
    self.byName = byName
  }

  /// As ALPN has them: each behind its length (RFC 7301 section 3.1).
  static func wire(_ protocols: [String]) -> [UInt8] { protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } }

  func use(in context: OpaquePointer) {
    let argument = Unmanaged.passUnretained(self).toOpaque()
    shim_set_server_name_callback(
      context,
      { session, _, argument in
        guard let session, let argument else { return SSL_TLSEXT_ERR_NOACK }
        return Unmanaged<Choices>.fromOpaque(argument).takeUnretainedValue().chooseCertificate(session)
      }, argument)
    SSL_CTX_set_alpn_select_cb(
      context,
      { _, chosen, length, offered, offeredLength, argument in
        guard let argument else { return SSL_TLSEXT_ERR_NOACK }
        let choices = Unmanaged<Choices>.fromOpaque(argument).takeUnretainedValue()
        let offer = UnsafeBufferPointer(start: offered, count: Int(offeredLength))
        guard let range = choices.chooseProtocol(offer) else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        chosen?.pointee = offer.baseAddress.map { $0 + range.lowerBound }
        length?.pointee = UInt8(range.count)
        return SSL_TLSEXT_ERR_OK
      }, argument)
  }

  /// By the name itself, then by a wildcard for its first label (RFC 9525 section 6.3); else it stays the first.
  private func chooseCertificate(_ session: OpaquePointer) -> Int32 {
    guard let text = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name) else { return SSL_TLSEXT_ERR_NOACK }
    let name = String(cString: text).lowercased()
    let wildcard = name.firstIndex(of: ".").map { "*\(name[$0...])" }
    if let context = byName[name] ?? wildcard.flatMap({ byName[$0] }) { SSL_set_SSL_CTX(session, context) }
    return SSL_TLSEXT_ERR_OK
  }

  /// - Returns: where in the offer our most preferred protocol is that it has.
  private func chooseProtocol(_ offer: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
    var ours = protocols[...]
    while let length = ours.first {
      let wanted = ours.dropFirst().prefix(Int(length))
      ours = ours.dropFirst(1 + Int(length))
      var index = 0
      while index < offer.count {
        let range = index + 1..<index + 1 + Int(offer[index])
        guard range.upperBound <= offer.count else { break }
        if offer[range].elementsEqual(wanted) { return range }
        index = range.upperBound
      }
    }
    return nil
  }
}
