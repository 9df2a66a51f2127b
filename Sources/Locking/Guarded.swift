#if SANITIZING_THREADS
  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Musl)
    import Musl
  #else
    import Darwin
  #endif

  /// A value behind a lock, for builds under the thread sanitizer. On Linux the standard library's `Mutex` is a futex in
  /// a library that is not built with the sanitizer, which therefore reports everything behind it as a race; a pthread
  /// lock it understands.
  package final class Guarded<Value>: @unchecked Sendable {
    // SAFETY: `value` is only touched in `withLock`, behind `lock`, which stays where it is until `deinit`.
    private var value: Value
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    package init(_ value: Value) {
      self.value = value
      lock.initialize(to: pthread_mutex_t())
      pthread_mutex_init(lock, nil)
    }

    deinit {
      pthread_mutex_destroy(lock)
      lock.deallocate()
    }

    package func withLock<Result, Failure: Error>(
      _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
      pthread_mutex_lock(lock)
      defer { pthread_mutex_unlock(lock) }
      return try body(&value)
    }
  }
#else
  package import Synchronization

  /// A value behind a lock: the standard library's `Mutex`.
  package typealias Guarded<Value: ~Copyable> = Mutex<Value>
#endif
