#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A TCP socket of a client, which does not block. Whoever has it shuts it.
struct Socket {
  private static let kind = [SOCK_STREAM, SOCK_NONBLOCK, SOCK_CLOEXEC].reduce(0) { $0 | Int32($1.rawValue) }

  let descriptor: Int32
  /// Whether the connection was there at once, as on this machine it may be.
  let isConnected: Bool

  /// Begins to connect.
  ///
  /// - Parameter source: the address to come from; nil: the system's choice.
  init(to address: SocketAddress, from source: SocketAddress? = nil) throws(SystemFailure) {
    let descriptor = address.withSockaddr { pointer, _ in
      socket(Int32(pointer.pointee.sa_family), Self.kind, 0)
    }
    guard descriptor >= 0 else { throw SystemFailure("no socket") }
    self.descriptor = descriptor
    Self.set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    // A connection that is closed is gone at once: thousands in TIME_WAIT would be missing in the next run.
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
    if let source {
      Self.set(descriptor, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, 1)
      let bound = source.withSockaddr { bind(descriptor, $0, $1) }
      guard bound == 0 else { throw SystemFailure("cannot come from \(source)") }
    }
    let result = address.withSockaddr { connect(descriptor, $0, $1) }
    guard result == 0 || errno == EINPROGRESS else { throw SystemFailure("cannot connect") }
    isConnected = result == 0
  }

  private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }

  /// Whether a connection can be made there, found out by making one, within 5 s.
  static func reaches(_ address: SocketAddress) -> Bool {
    guard let socket = try? Socket(to: address) else { return false }
    defer { socket.shut() }
    if socket.isConnected { return true }
    var poller = pollfd(fd: socket.descriptor, events: Int16(POLLOUT), revents: 0)
    return poll(&poller, 1, 5000) == 1 && socket.connectFailure() == nil
  }

  func shut() { close(descriptor) }

  /// What became of connecting; nil if it went well.
  func connectFailure() -> SystemFailure? {
    var error: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size)
    return error == 0 ? nil : SystemFailure("cannot connect", errno: error)
  }

  /// - Returns: how many bytes were taken; 0 if none can be now.
  func send(_ bytes: UnsafeRawBufferPointer) throws(SystemFailure) -> Int {
    let count = systemSend(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
    if count >= 0 { return count }
    if errno == EAGAIN || errno == EINTR { return 0 }
    throw SystemFailure("connection lost")
  }

  /// - Returns: how many bytes came; nil if there are none now.
  @inline(__always)
  func receive(into buffer: UnsafeMutableRawBufferPointer) throws(SystemFailure) -> Int? {
    let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
    if count > 0 { return count }
    if count == 0 { throw SystemFailure("connection closed by the gateway") }
    if errno == EAGAIN || errno == EINTR { return nil }
    throw SystemFailure("connection lost")
  }
}

/// The system's `send`, which the method above would hide.
@inline(__always)
private func systemSend(_ socket: Int32, _ bytes: UnsafeRawPointer?, _ count: Int, _ flags: Int32) -> Int {
  send(socket, bytes, count, flags)
}

/// What the system would not do, and its own words for why.
struct SystemFailure: Error, CustomStringConvertible {
  let description: String

  /// - Parameter what: what failed; the reason is `errno`'s, if there is one.
  init(_ what: String, errno number: Int32 = errno) {
    description = number == 0 ? what : "\(what): \(String(cString: strerror(number)))"
  }
}
