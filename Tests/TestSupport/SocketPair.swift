import Glibc

/// Two connected sockets; what is written to `near` is read from `far`.
package final class SocketPair {
  package private(set) var near: Int32
  private var far: Int32

  /// - Parameter buffer: about how many bytes the kernel keeps for a peer that reads nothing.
  package init(buffer: Int32 = 1 << 20) {
    var pair: [Int32] = [-1, -1]
    precondition(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
    (near, far) = (pair[0], pair[1])
    var size = buffer
    precondition(setsockopt(near, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size)) == 0)
  }

  deinit {
    closeNear()
    closeFar()
  }

  package func closeNear() {
    if near >= 0 { close(near) }
    near = -1
  }

  package func closeFar() {
    if far >= 0 { close(far) }
    far = -1
  }

  /// What there is to read now.
  package func read() -> [UInt8] {
    var bytes: [UInt8] = []
    var space = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = recv(far, &space, space.count, Int32(MSG_DONTWAIT))
      guard count > 0 else { return bytes }
      bytes += space[..<count]
    }
  }
}
