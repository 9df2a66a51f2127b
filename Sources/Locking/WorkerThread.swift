#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A thread that does one thing after the other, for what may wait: a file, a disk.
package final class WorkerThread: @unchecked Sendable {
  // SAFETY: everything is behind `lock`, but for what the jobs themselves touch, which run on one thread.
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let change = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var jobs: [() -> Void] = []
  private var isStopped = false
  private var thread: pthread_t?

  package init() {
    lock.initialize(to: pthread_mutex_t())
    change.initialize(to: pthread_cond_t())
    pthread_mutex_init(lock, nil)
    pthread_cond_init(change, nil)
    let context = Unmanaged.passRetained(self).toOpaque()
    #if canImport(Darwin)
      var thread: pthread_t?
      let result = pthread_create(&thread, nil, { WorkerThread.run($0) }, context)
    #else
      var thread = pthread_t()
      let result = pthread_create(&thread, nil, { WorkerThread.run($0!) }, context)
    #endif
    precondition(result == 0, "the system has no thread left")
    withLock { self.thread = thread }
  }

  deinit {
    pthread_cond_destroy(change)
    pthread_mutex_destroy(lock)
    change.deallocate()
    lock.deallocate()
  }

  /// Does it after everything asked for before. After `stop` it is never done.
  package func async(_ job: @escaping @Sendable () -> Void) {
    withLock {
      guard !isStopped else { return }
      jobs.append(job)
      pthread_cond_signal(change)
    }
  }

  /// Does what was asked for before, and returns when that is done. Not to be called from a job.
  package func stop() {
    let thread: pthread_t? = withLock {
      isStopped = true
      pthread_cond_signal(change)
      defer { self.thread = nil }
      return self.thread
    }
    if let thread { pthread_join(thread, nil) }
  }

  private func withLock<Result>(_ body: () -> Result) -> Result {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return body()
  }

  private static func run(_ context: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    let worker = Unmanaged<WorkerThread>.fromOpaque(context).takeRetainedValue()
    while true {
      let jobs: [() -> Void] = worker.withLock {
        while worker.jobs.isEmpty && !worker.isStopped { pthread_cond_wait(worker.change, worker.lock) }
        defer { worker.jobs = [] }
        return worker.jobs
      }
      if jobs.isEmpty { return nil }
      for job in jobs { job() }
    }
  }
}
