import Glibc

/// A port of 127.0.0.1 that the system chose. No other program or test is given it as long as this object lives.
///
/// Without a listener connections to it are refused. A server that sets SO_REUSEADDR, as Redis does, can listen beside it.
package final class HeldPort {
  package struct NoneFound: Error {}

  package let number: Int
  private let socket: Int32

  /// - Parameter listens: whether the kernel accepts connections; they get no answer.
  package init(listens: Bool = false) throws {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    self.socket = socket
    var one: CInt = 1
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<CInt>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(socket, address, length) == 0 && (!listens || listen(socket, 16) == 0)
          && getsockname(socket, address, &length) == 0
      }
    }
    number = Int(UInt16(bigEndian: address.sin_port))
    guard isBound else { throw NoneFound() }
  }

  deinit { close(socket) }
}
