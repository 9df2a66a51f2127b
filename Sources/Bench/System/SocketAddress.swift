package import GatewayClient

#if canImport(Glibc)
  package import Glibc
#elseif canImport(Musl)
  package import Musl
#endif

/// An address and a port, of either family.
package struct SocketAddress: Sendable, CustomStringConvertible {
  private var storage: sockaddr_storage
  private let length: socklen_t
  package let description: String

  /// The addresses a gateway's name stands for, best first.
  package static func resolve(_ url: GatewayURL) throws(PlanError) -> [SocketAddress] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    let result = getaddrinfo(url.host, String(url.port), &hints, &found)
    guard result == 0 else {
      throw PlanError("the name \"\(url.host)\" is not known: \(String(cString: gai_strerror(result)))")
    }
    defer { freeaddrinfo(found) }
    var addresses: [SocketAddress] = []
    var next = found
    while let entry = next {
      addresses.append(SocketAddress(entry.pointee))
      next = entry.pointee.ai_next
    }
    return addresses
  }

  private init(_ entry: addrinfo) {
    storage = sockaddr_storage()
    length = entry.ai_addrlen
    withUnsafeMutableBytes(of: &storage) {
      $0.copyMemory(from: UnsafeRawBufferPointer(start: entry.ai_addr, count: Int(entry.ai_addrlen)))
    }
    var name = [CChar](repeating: 0, count: 64)
    getnameinfo(entry.ai_addr, length, &name, 64, nil, 0, NI_NUMERICHOST)
    description = name.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  /// 127.0.0.`number`: every one of them is this machine, with source ports of its own.
  package init(loopback number: UInt8) {
    storage = sockaddr_storage()
    length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutableBytes(of: &storage) {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = (0x7F00_0000 | UInt32(number)).bigEndian
      $0.storeBytes(of: address, as: sockaddr_in.self)
    }
    description = "127.0.0.\(number)"
  }

  /// Whether it is in 127.0.0.0/8.
  package var isLoopbackIPv4: Bool { description.hasPrefix("127.") }

  package func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    withUnsafePointer(to: storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
    }
  }
}
