#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Why a file cannot be used, to stand behind its name.
enum FileFault {
  /// The system's words for what went wrong last.
  static var last: String { "cannot be read: \(String(cString: strerror(errno)))" }

  /// - Returns: nil if it can be read.
  static func reading(_ path: String) -> String? { access(path, R_OK) == 0 ? nil : last }
}
