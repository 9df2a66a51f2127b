import COpenSSL

/// With what session tickets are sealed (RFC 5077): whoever has it resumes the sessions that another node began, or
/// this one before its certificates were renewed.
package struct TLSTicketKey: Sendable {
  /// As OpenSSL divides them: a name of 16 bytes, then 32 to authenticate with and 32 to encrypt with.
  package static let length = 80

  let bytes: [UInt8]

  package static func random() -> TLSTicketKey {
    var bytes = [UInt8](repeating: 0, count: length)
    guard RAND_bytes(&bytes, Int32(length)) == 1 else { preconditionFailure("the system has no randomness") }
    return TLSTicketKey(bytes: bytes)
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  package init(file: String) throws(TLSConfigurationErrors) {
    let advice = "it must be \(Self.length) random bytes: head -c \(Self.length) /dev/urandom > \(file)"
    guard let bio = BIO_new_file(file, "rb") else {
      ERR_clear_error()
      throw TLSConfigurationErrors(messages: ["tls.ticket_key: \(file) \(FileFault.last); \(advice)"])
    }
    defer { BIO_free(bio) }
    var bytes = [UInt8](repeating: 0, count: Self.length + 1)
    let count = BIO_read(bio, &bytes, Int32(bytes.count))
    guard count == Self.length else {
      throw TLSConfigurationErrors(
        messages: [
          "tls.ticket_key: \(file) has \(count > Self.length ? "more than \(Self.length)" : "\(max(count, 0))") bytes; \(advice)"
        ])
    }
    self.bytes = Array(bytes.prefix(Self.length))
  }
}
