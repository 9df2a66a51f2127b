import COpenSSL
import Foundation

/// A certificate and its key, made for a test.
final class TestCertificate: @unchecked Sendable {
  // SAFETY: never changed after `init`.
  let pointer: OpaquePointer
  let key: TestKey

  /// In seconds since 1970. OpenSSL judges certificates by the system's clock, so it is that one.
  static let now = Int64(Date().timeIntervalSince1970)
  static let day: Int64 = 86_400

  /// An authority that the tests trust, and one that they do not.
  static let authority = TestCertificate(name: "Tests' Authority", isAuthority: true)
  static let stranger = TestCertificate(name: "A Stranger", isAuthority: true)
  /// For `gateway.test`, by the authority.
  static let gateway = TestCertificate(names: ["DNS:gateway.test", "IP:127.0.0.1"], by: authority)
  static let gatewayRSA = TestCertificate(
    names: ["IP:127.0.0.1", "DNS:gateway.test"], key: .rsa2048, by: authority)
  static let client = TestCertificate(name: "client 7", by: authority)

  /// - Parameters:
  ///   - names: alternative names as OpenSSL's configuration writes them: `DNS:a.test`, `IP:::1`.
  ///   - by: who signs it; nil: itself.
  ///   - begins: days from now, as `ends`.
  init(
    name: String? = nil, names: [String] = [], key: TestKey = TestKey(), by issuer: TestCertificate? = nil,
    isAuthority: Bool = false, begins: Int64 = -1, ends: Int64 = 90
  ) {
    self.key = key
    let certificate = X509_new()!
    pointer = certificate
    X509_set_version(certificate, 2)
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), Int.random(in: 1...Int(Int32.max)))
    ASN1_TIME_set(X509_getm_notBefore(certificate), time_t(Self.now + begins * Self.day))
    ASN1_TIME_set(X509_getm_notAfter(certificate), time_t(Self.now + ends * Self.day))
    X509_set_pubkey(certificate, key.pointer)
    if let name {
      let bytes = Array(name.utf8)
      X509_NAME_add_entry_by_txt(
        X509_get_subject_name(certificate), "CN", MBSTRING_FLAG | 1, bytes, Int32(bytes.count), -1, 0)
    }
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer?.pointer ?? certificate))
    if isAuthority { extend(NID_basic_constraints, "critical,CA:TRUE") }
    if !names.isEmpty { extend(NID_subject_alt_name, names.joined(separator: ",")) }
    X509_sign(certificate, (issuer?.key ?? key).pointer, EVP_sha256())
  }

  private func extend(_ kind: Int32, _ value: String) {
    let part = X509V3_EXT_conf_nid(nil, nil, kind, value)
    X509_add_ext(pointer, part, -1)
    X509_EXTENSION_free(part)
  }

  deinit { X509_free(pointer) }

  var pem: String { PEM.text { PEM_write_bio_X509($0, pointer) } }
}
