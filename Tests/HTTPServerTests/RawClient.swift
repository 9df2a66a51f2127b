import Glibc

/// A blocking socket that sends exactly the bytes it is told to. Every read gives up after ten seconds.
final class RawClient {
  struct Response: Equatable {
    var status: Int
    /// Names in lower case.
    var headers: [String: String]
    var body: String
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private var descriptor: Int32
  private var buffer: [UInt8] = []

  /// - Parameter receiveBuffer: the kernel's, in bytes, for a client that is to stall early.
  init(port: Int, receiveBuffer: Int32? = nil) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw Failure(description: "socket: errno \(errno)") }
    var timeout = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    if var size = receiveBuffer {
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw Failure(description: "connect: errno \(errno)") }
  }

  deinit { close() }

  func close() {
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }

  func halfClose() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Closes with a reset instead of an orderly end.
  func reset() {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    close()
  }

  /// Sends all; a peer that has closed meanwhile is not an error, its answer is what counts.
  func send(_ text: String) { send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  /// Sends until the kernel has taken nothing more for 200 ms.
  /// - Returns: how many bytes were taken.
  func sendWithoutWaiting(_ bytes: [UInt8]) -> Int {
    var sent = 0
    while sent < bytes.count {
      var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      guard poll(&ready, 1, 200) == 1 else { break }
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
      }
      guard count > 0 else { break }
      sent += count
    }
    return sent
  }

  /// - Returns: false at the end of the peer's bytes.
  private func fill() throws -> Bool {
    var space = [UInt8](repeating: 0, count: 65536)
    let count = recv(descriptor, &space, space.count, 0)
    if count > 0 {
      buffer += space[..<count]
      return true
    }
    if count == 0 { return false }
    guard errno == ECONNRESET else { throw Failure(description: "nothing came for 10 s; so far: \(text(buffer))") }
    return false
  }

  private func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

  /// Reads exactly `count` bytes.
  func read(_ count: Int) throws -> String {
    while buffer.count < count {
      guard try fill() else { throw Failure(description: "closed after: \(text(buffer))") }
    }
    defer { buffer.removeFirst(count) }
    return text(buffer[..<count])
  }

  /// Reads up to and with `end`.
  func read(until end: String) throws -> String {
    let end = Array(end.utf8)
    var from = 0
    while true {
      if buffer.count >= end.count {
        for start in from...(buffer.count - end.count) where buffer[start] == end[0] {
          if buffer[start..<(start + end.count)].elementsEqual(end) { return try read(start + end.count) }
        }
        from = buffer.count - end.count + 1
      }
      guard try fill() else { throw Failure(description: "closed after: \(text(buffer))") }
    }
  }

  /// Everything until the peer closes.
  func readToEnd() throws -> String {
    while try fill() {}
    defer { buffer = [] }
    return text(buffer)
  }

  /// One whole response; what follows it stays unread.
  func response(toHead: Bool = false) throws -> Response {
    let head = try read(until: "\r\n\r\n")
    let lines = head.split(separator: "\r\n")
    let status = Int(lines[0].split(separator: " ")[1]) ?? 0
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
    }
    let length = Int(headers["content-length"] ?? "0") ?? 0
    return Response(status: status, headers: headers, body: try read(toHead ? 0 : length))
  }
}
