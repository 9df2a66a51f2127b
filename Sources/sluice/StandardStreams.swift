import ArgumentParser
import GatewayClient
import WireFormat

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Whoever read our output has gone: `sluice subscribe … | head -1`. No fault, and nothing to say about it.
struct OutputClosed: Error {}

/// Standard output, a line at a time and without a buffer, so that a pipe sees every message when it comes.
enum StandardOutput {
  private static let ignoresBrokenPipes: Void = { signal(SIGPIPE, SIG_IGN) }()

  static func line(_ text: String) throws { try line(Array(text.utf8)) }

  static func line(_ value: JSONValue) throws { try line(value.encoded) }

  /// - Throws: `OutputClosed`.
  static func line(_ bytes: [UInt8]) throws {
    ignoresBrokenPipes
    guard writeAll(bytes + [0x0a], to: STDOUT_FILENO) else { throw OutputClosed() }
  }

  static func table(_ table: TextTable) throws {
    for text in table.lines { try line(text) }
  }

  /// Runs what writes; if the reader of our output goes away, ends as if all were done.
  static func reportingClosed(_ body: () throws -> Void) throws {
    do { try body() } catch is OutputClosed { throw ExitCode.success }
  }

  fileprivate static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if written < 0 {
        if errno == EINTR { continue }
        if errno == EAGAIN {
          var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          _ = poll(&poller, 1, -1)
          continue
        }
        return false
      }
      rest = rest.dropFirst(written)
    }
    return true
  }
}

/// Standard error: what is said to a person beside the output.
enum StandardError {
  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  static func line(_ text: String) { _ = StandardOutput.writeAll(Array("\(text)\n".utf8), to: STDERR_FILENO) }

  /// Replaces the line that is being shown on a terminal.
  static func progress(_ text: String) {
    _ = StandardOutput.writeAll(Array("\r\(text)\u{1b}[K".utf8), to: STDERR_FILENO)
  }
}

/// Standard input or a file, as bytes.
struct Input: ~Copyable {
  private static let chunk = 1 << 16
  private let descriptor: Int32
  private let name: String

  static var isTerminal: Bool { isatty(STDIN_FILENO) == 1 }

  /// - Parameter path: nil or `-` for standard input.
  init(path: String?) throws {
    guard let path, path != "-" else {
      descriptor = STDIN_FILENO
      name = "standard input"
      return
    }
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    name = path
    guard descriptor >= 0 else { throw ValidationError("cannot read \(path): \(String(cString: strerror(errno)))") }
  }

  deinit {
    if descriptor > STDERR_FILENO { close(descriptor) }
  }

  /// The next bytes; empty at the end.
  func read() throws -> [UInt8] {
    while true {
      var count = 0
      let bytes = [UInt8](unsafeUninitializedCapacity: Self.chunk) { buffer, initialized in
        count = readBytes(descriptor, buffer)
        initialized = max(count, 0)
      }
      if count >= 0 { return bytes }
      guard errno == EINTR else {
        throw ValidationError("cannot read \(name): \(String(cString: strerror(errno)))")
      }
    }
  }

  func readAll() throws -> [UInt8] {
    var all: [UInt8] = []
    while true {
      let bytes = try read()
      if bytes.isEmpty { return all }
      all += bytes
    }
  }
}

private func readBytes(_ descriptor: Int32, _ buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
  read(descriptor, buffer.baseAddress, buffer.count)
}
