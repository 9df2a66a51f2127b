import COpenSSL

/// A private key, made for a test.
final class TestKey: @unchecked Sendable {
  // SAFETY: never changed after `init`; OpenSSL counts its users with a lock of its own.
  let pointer: OpaquePointer

  enum Kind {
    case p256
    /// RSA's are slow to make: take those below where they will do.
    case rsa(bits: Int32)
  }

  static let rsa2048 = TestKey(.rsa(bits: 2048))

  init(_ kind: Kind = .p256) {
    var name = "EC"
    if case .rsa = kind { name = "RSA" }
    let making = EVP_PKEY_CTX_new_from_name(nil, name, nil)
    defer { EVP_PKEY_CTX_free(making) }
    EVP_PKEY_keygen_init(making)
    switch kind {
    case .p256: EVP_PKEY_CTX_set_group_name(making, "P-256")
    case .rsa(let bits): EVP_PKEY_CTX_set_rsa_keygen_bits(making, bits)
    }
    var key: OpaquePointer?
    EVP_PKEY_generate(making, &key)
    pointer = key!
  }

  deinit { EVP_PKEY_free(pointer) }

  /// - Parameter password: locks the key with it.
  func pem(password: String? = nil) -> String {
    PEM.text { bio in
      let cipher = password == nil ? nil : EVP_aes_256_cbc()
      let secret = Array((password ?? "").utf8)
      return PEM_write_bio_PrivateKey(
        bio, pointer, cipher, password == nil ? nil : secret, Int32(secret.count), nil, nil)
    }
  }
}

enum PEM {
  static func text(_ write: (OpaquePointer?) -> Int32) -> String {
    let bio = BIO_new(BIO_s_mem())
    defer { BIO_free(bio) }
    precondition(write(bio) == 1)
    var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(bio))
    BIO_read(bio, &bytes, Int32(bytes.count))
    return String(decoding: bytes, as: UTF8.self)
  }
}
