import ArgumentParser

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The file a chart goes to, opened before the run: whoever waits for a chart wants to hear of a wrong path first.
struct BenchChartFile {
  private let path: String
  private let file: UnsafeMutablePointer<FILE>

  /// - Throws: `ValidationError` if it cannot be written.
  init(path: String) throws {
    guard let file = fopen(path, "we") else { throw Self.failure(path) }
    self.path = path
    self.file = file
  }

  /// Writes everything and closes it.
  func write(_ text: String) throws {
    let isWritten = fputs(text, file) >= 0
    guard fclose(file) == 0, isWritten else { throw Self.failure(path) }
  }

  private static func failure(_ path: String) -> ValidationError {
    ValidationError("cannot write \(path): \(String(cString: strerror(errno)))")
  }
}
