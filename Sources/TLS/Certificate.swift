import COpenSSL

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What is read out of a certificate (X.509, RFC 5280).
extension CertificateSummary {
  /// - Parameter certificate: OpenSSL's `X509`, which stays its owner's.
  init(_ certificate: OpaquePointer, file: String) {
    self.init(
      file: file, names: Self.names(certificate), notBefore: Self.seconds(X509_get0_notBefore(certificate)),
      notAfter: Self.seconds(X509_get0_notAfter(certificate)),
      issuer: Self.text(X509_get_issuer_name(certificate)),
      isSelfSigned: X509_check_issued(certificate, certificate) == X509_V_OK)
  }

  private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
    var parts = tm()
    guard ASN1_TIME_to_tm(time, &parts) == 1 else { return 0 }
    return Int64(timegm(&parts))
  }

  private static func text(_ name: OpaquePointer?) -> String {
    guard let line = X509_NAME_oneline(name, nil, 0) else { return "" }
    defer { CRYPTO_free(line, #file, #line) }
    return String(cString: line)
  }

  /// The alternative names; where there are none, the common name, as it was done before there were any.
  private static func names(_ certificate: OpaquePointer) -> [String] {
    let names = alternativeNames(certificate)
    guard names.isEmpty else { return names }
    var space = [CChar](repeating: 0, count: 256)
    let count = X509_NAME_get_text_by_NID(
      X509_get_subject_name(certificate), NID_commonName, &space, Int32(space.count))
    return count > 0 ? [String(decoding: space.prefix(Int(count)).map(UInt8.init(bitPattern:)), as: UTF8.self)] : []
  }

  private static func alternativeNames(_ certificate: OpaquePointer) -> [String] {
    guard let list = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return [] }
    let names = OpaquePointer(list)
    defer { shim_names_free(names) }
    var found: [String] = []
    for index in 0..<shim_names_count(names) {
      var type: Int32 = 0
      guard let text = shim_name_text(shim_name(names, index), &type) else { continue }
      guard type == GEN_DNS || type == GEN_IPADD else { continue }
      let bytes = UnsafeBufferPointer(start: ASN1_STRING_get0_data(text), count: Int(ASN1_STRING_length(text)))
      found.append(type == GEN_DNS ? String(decoding: bytes, as: UTF8.self) : address(bytes))
    }
    return found
  }

  private static func address(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
    var space = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes.baseAddress, &space, socklen_t(space.count))
    return String(decoding: space.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
