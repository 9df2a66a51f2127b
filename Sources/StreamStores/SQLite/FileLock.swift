#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// One gateway at a time has a file: it has a lock on a file beside it, which the system takes back when it dies.
final class FileLock: Sendable {
  private let descriptor: Int32

  /// - Throws: if somebody else has it, or the folder may not be written.
  init(_ path: String) throws(StoreOpeningError) {
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw StoreOpeningError(
        "\(path) cannot be opened (\(String(cString: strerror(errno)))): is its folder there, and may the gateway write to it?"
      )
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw StoreOpeningError("another gateway has this store open (\(path) is locked): stop it, or give another path")
    }
  }

  deinit { close(descriptor) }
}

enum Pause {
  static func microseconds(_ count: UInt32) { usleep(count) }
}
