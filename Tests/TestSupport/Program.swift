import Foundation

/// Other programs that tests start.
///
/// Foundation closes in a new child what was open when it looked. What another thread opened a moment later stays open in
/// that child as long as it lives, and whoever reads such a pipe to its end, or waits for such a program's end, waits for
/// this child too: for a server, for ever. So they are started one after the other, pipes and all.
package enum Program {
  private static let starting = NSLock()

  /// Starts it.
  ///
  /// - Returns: where to write what it reads, and where to read what it prints.
  static func start(_ process: Process) throws -> (input: FileHandle, output: FileHandle) {
    try starting.withLock {
      let (input, output) = (Pipe(), Pipe())
      process.standardInput = input
      process.standardOutput = output
      try process.run()
      return (input.fileHandleForWriting, output.fileHandleForReading)
    }
  }

  /// Runs one that ends by itself, and waits for its end.
  ///
  /// - Parameters:
  ///   - command: its name, found on the path, and its arguments.
  ///   - folder: where it runs; nil: where the tests do.
  /// - Returns: its exit status, and what it printed.
  package static func run(_ command: [String], in folder: String? = nil) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.standardError = FileHandle.nullDevice
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    let (input, output) = try start(process)
    try input.close()
    let text = String(decoding: output.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }
}
