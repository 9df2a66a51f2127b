#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An IPv4 or IPv6 address as a number. An IPv4 address in IPv6's clothes (`::ffff:192.0.2.1`) is the IPv4 address, so
/// that one client has one address on every kind of socket.
struct IPAddress: Equatable, Sendable, CustomStringConvertible {
  enum Family: Equatable, Sendable {
    case v4, v6

    /// In bits.
    var width: Int { self == .v4 ? 32 : 128 }
  }

  let family: Family
  let number: UInt128

  init(v4 number: UInt32) {
    family = .v4
    self.number = UInt128(number)
  }

  init(v6 number: UInt128) {
    let isMapped = number >> 32 == 0xFFFF
    family = isMapped ? .v4 : .v6
    self.number = isMapped ? number & 0xFFFF_FFFF : number
  }

  /// - Parameter text: as `inet_pton` has it: four decimal numbers without leading zeros, or IPv6 without brackets and
  ///   without a zone. nil: it is none.
  init?(_ text: some StringProtocol) {
    // A NUL would end the C string before the text's own end.
    guard !text.isEmpty, text.utf8.allSatisfy({ $0 != 0 }) else { return nil }
    if text.utf8.contains(UInt8(ascii: ":")) {
      var bytes: (UInt64, UInt64) = (0, 0)
      guard text.withCString({ inet_pton(AF_INET6, $0, &bytes) }) == 1 else { return nil }
      self.init(v6: withUnsafeBytes(of: &bytes) { Self.number($0) })
    } else {
      var bytes: UInt32 = 0
      guard text.withCString({ inet_pton(AF_INET, $0, &bytes) }) == 1 else { return nil }
      self.init(v4: UInt32(bigEndian: bytes))
    }
  }

  /// In network order.
  static func number(_ bytes: some Sequence<UInt8>) -> UInt128 { bytes.reduce(0) { $0 << 8 | UInt128($1) } }

  /// Canonical (RFC 5952 for IPv6).
  var description: String {
    if family == .v4 {
      return "\(number >> 24 & 0xFF).\(number >> 16 & 0xFF).\(number >> 8 & 0xFF).\(number & 0xFF)"
    }
    var bytes = number.bigEndian
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
      // It cannot fail: the family is known and the room is enough for every address.
      guard let start = text.baseAddress, inet_ntop(AF_INET6, &bytes, start, socklen_t(text.count)) != nil else {
        return ""
      }
      return String(cString: start)
    }
  }
}
