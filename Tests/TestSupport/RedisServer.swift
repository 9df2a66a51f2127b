import Foundation

/// A real `redis-server` on a port of its own, without anything on disk. Gone with this, and with the tests' process.
package final class RedisServer: @unchecked Sendable {
  // SAFETY: never changed after `init`; the process is started once and only ended after that.
  package let host = "127.0.0.1"
  package let port: Int
  package let pid: Int32
  package let folder: TestFolder
  private let log: LogFile
  private let heldPort: HeldPort
  private let process: Process
  /// While this is open the server lives.
  private let lifeline: FileHandle

  package struct NotStarted: Error, CustomStringConvertible {
    package let description: String
  }

  /// - Parameters:
  ///   - options: as on `redis-server`'s command line, without the port: `["--requirepass", "x"]`; for `redis-sentinel`
  ///     the lines of its configuration.
  ///   - portOption: what the port is for.
  package static func start(
    _ options: [String] = [], program: String = "redis-server", portOption: String = "--port",
    folder: TestFolder = TestFolder()
  ) async throws -> RedisServer {
    // Somebody else may take the port between our look and the server's.
    var lastWords = ""
    for _ in 0..<5 {
      let server = try RedisServer(options, program: program, portOption: portOption, folder: folder)
      if try await server.listens() { return server }
      lastWords = server.log.text
    }
    throw NotStarted(description: "\(program) did not start; its last words: \(lastWords.suffix(2000))")
  }

  private init(_ options: [String], program: String, portOption: String, folder: TestFolder) throws {
    heldPort = try HeldPort()
    port = heldPort.number
    self.folder = folder
    log = LogFile(path: "\(folder.path)/\(port).log")
    process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    let script = """
      command -v "$0" >/dev/null || exit 0; "$0" "$@" >"$LOG" 2>&1 & echo $!; read -r _; kill -9 $! 2>/dev/null
      """
    var arguments = ["-c", script, program]
    if program == "redis-sentinel" {
      folder.write(options.joined(separator: "\n") + "\nport \(port)\ndir \(folder.path)\n", to: "\(port).conf")
      arguments.append("\(folder.path)/\(port).conf")
    } else {
      arguments += [portOption, "\(port)", "--save", "", "--appendonly", "no", "--dir", folder.path] + options
    }
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(["LOG": log.path]) { $1 }
    let output: FileHandle
    (lifeline, output) = try Program.start(process)
    let line = String(decoding: output.availableData, as: UTF8.self)
    guard let pid = Int32(line.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      throw NotStarted(description: "these tests need \(program); deploy/packages.bash installs it")
    }
    self.pid = pid
  }

  deinit {
    // A stopped process hears SIGKILL too.
    kill()
    process.terminate()
  }

  package func kill() { _ = Foundation.kill(pid, SIGKILL) }
  package func pause() { _ = Foundation.kill(pid, SIGSTOP) }
  package func resume() { _ = Foundation.kill(pid, SIGCONT) }

  /// Waits until it listens; false if it has ended instead, or somebody else has the port.
  private func listens() async throws -> Bool {
    while isRunning {
      if log.text.contains("Ready to accept connections") || log.text.contains("Sentinel ID is") {
        return !log.text.contains("Address already in use")
      }
      try await Task.sleep(for: .milliseconds(5))
    }
    return false
  }

  private var isRunning: Bool {
    guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
    return stat.split(separator: " ").dropFirst(2).first != "Z"
  }

  /// A command by `redis-cli`, for those with whom a `RedisConnection` does not speak.
  ///
  /// - Returns: what it prints.
  package func run(_ command: [String]) throws -> String {
    try Program.run(["redis-cli", "-p", "\(port)"] + command).output
  }
}
