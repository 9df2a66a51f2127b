/// What a proxy says before a connection's first byte: for whom it is (PROXY protocol version 2, section 2.2 of HAProxy's
/// `proxy-protocol.txt`). Bytes in, result out: the same however the bytes were cut.
package enum ProxyProtocol {
  package enum Result: Equatable, Sendable {
    /// Call again with all bytes so far and some more.
    case needsMore
    /// There is no header that can be used, and this is why; there is nothing to do but close.
    case failed(String)
    /// - length: the header's, in bytes; the connection's own begin after it.
    /// - source: the client's address, without port; nil if the proxy names none (its health checks, or a client that
    ///   came over something else than IP).
    case done(length: Int, source: String?)
  }

  /// The longest header, in bytes. Addresses take at most 216; what proxies add (a client certificate's name, a virtual
  /// network's id, a unique id) some hundreds. The format allows 64 KiB, which nobody sends; nginx draws the same line.
  package static let longest = 4096

  private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
  private static let version1 = Array("PROXY ".utf8)
  /// Signature, version and command, family and transport, length of the rest.
  private static let fixedLength = 16

  /// - Parameter bytes: all that the connection sent, from its first byte on.
  package static func parse(_ bytes: some Collection<UInt8>) -> Result {
    let header = Array(bytes.prefix(longest))
    guard header.starts(with: signature.prefix(header.count)) else { return refuseSignature(header) }
    guard header.count > 12 else { return .needsMore }
    guard header[12] >> 4 == 2 else { return .failed("its version is \(header[12] >> 4), not 2") }
    guard let command = Command(rawValue: header[12] & 0x0F) else {
      return .failed("its command is \(header[12] & 0x0F), neither LOCAL (0) nor PROXY (1)")
    }
    guard header.count > 13 else { return .needsMore }
    var addresses = Addresses.none
    if command == .proxy {
      guard let known = Addresses(familyAndTransport: header[13]) else {
        return .failed("its addresses are of a kind that no stream has: 0x\(String(header[13], radix: 16))")
      }
      addresses = known
    }
    guard header.count >= fixedLength else { return .needsMore }
    let rest = number(header[14...15])
    let length = fixedLength + rest
    guard length <= longest else { return .failed("it has \(length) bytes, \(longest) is the limit") }
    guard rest >= addresses.length else {
      return .failed("its \(rest) bytes are too few for addresses of \(addresses.length)")
    }
    guard header.count >= length else { return .needsMore }
    // What LOCAL and an unspecified family bring along is to be skipped unread.
    if addresses != .none, let fault = fault(ofExtensionsIn: header[..<length], from: fixedLength + addresses.length) {
      return .failed(fault)
    }
    return .done(length: length, source: addresses.source(in: header[fixedLength...]))
  }

  private static func refuseSignature(_ bytes: [UInt8]) -> Result {
    guard bytes.starts(with: version1.prefix(bytes.count)) else {
      return .failed("the connection begins without one; have the proxy send PROXY protocol version 2")
    }
    return bytes.count < version1.count
      ? .needsMore : .failed("it is of version 1; have the proxy send version 2 (HAProxy: send-proxy-v2)")
  }

  private enum Command: UInt8 {
    case local = 0
    case proxy = 1
  }

  // MARK: - Addresses

  private enum Addresses {
    case none, v4, v6, unix

    init?(familyAndTransport byte: UInt8) {
      // Transports are unspecified (0) and stream (1); a datagram (2) never came over a connection.
      guard byte & 0x0F <= 1 else { return nil }
      switch byte >> 4 {
      case 0: self = .none
      case 1: self = .v4
      case 2: self = .v6
      case 3: self = .unix
      default: return nil
      }
    }

    /// Source and destination with their ports, in bytes.
    var length: Int {
      switch self {
      case .none: 0
      case .v4: 12
      case .v6: 36
      case .unix: 216
      }
    }

    /// The source stands first.
    func source(in bytes: ArraySlice<UInt8>) -> String? {
      switch self {
      case .none, .unix: nil
      case .v4: IPAddress(v4: UInt32(IPAddress.number(bytes.prefix(4)))).description
      case .v6: IPAddress(v6: IPAddress.number(bytes.prefix(16))).description
      }
    }
  }

  // MARK: - Extensions

  /// A checksum of the whole header, its own four bytes taken as 0.
  private static let checksumType: UInt8 = 3

  /// Skips type, length and value after another, and checks the checksum if there is one.
  ///
  /// - Returns: what is wrong.
  private static func fault(ofExtensionsIn header: ArraySlice<UInt8>, from start: Int) -> String? {
    var next = start
    while next < header.endIndex {
      guard header.endIndex - next >= 3 else { return "it ends within an extension's type and length" }
      let value = next + 3
      let end = value + number(header[next + 1...next + 2])
      guard end <= header.endIndex else { return "it ends within an extension of type \(header[next])" }
      if header[next] == checksumType {
        guard end - value == 4 else { return "its checksum has \(end - value) bytes, not 4" }
        var zeroed = header
        zeroed.replaceSubrange(value..<end, with: [0, 0, 0, 0])
        guard crc32c(zeroed) == UInt32(number(header[value..<end])) else { return "its checksum is wrong" }
      }
      next = end
    }
    return nil
  }

  /// Castagnoli's (RFC 4960 appendix B), bit by bit: a header is short, and few have a checksum.
  private static func crc32c(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var crc = ~UInt32(0)
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
    }
    return ~crc
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }
}
