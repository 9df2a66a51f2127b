import Glibc

/// A port that nobody has at this moment, for programs that cannot be told to let the system choose.
package enum FreePort {
  package struct NoneFound: Error {}

  package static func find() throws -> Int { try Listener().port }
}

/// A socket that listens on a port of the system's choice and never answers: connections to it are made by the kernel.
package final class Listener {
  package let port: Int
  private let socket: Int32

  package init() throws {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    self.socket = socket
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(socket, address, length) == 0 && listen(socket, 16) == 0 && getsockname(socket, address, &length) == 0
      }
    }
    port = Int(UInt16(bigEndian: address.sin_port))
    guard bound else { throw FreePort.NoneFound() }
  }

  deinit { close(socket) }
}
