import CEpoll

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Which sockets can be read or written: epoll as it is, because a channel for each connection would cost more than
/// what is measured.
final class Poller {
  struct Interest: OptionSet {
    let rawValue: UInt32
    static let read = Interest(rawValue: EPOLLIN.rawValue)
    static let write = Interest(rawValue: EPOLLOUT.rawValue)
  }

  private static let wakeKey = UInt64.max
  private static let mostEvents = 1024

  private let descriptor: Int32
  private let waker: Waker
  private let events = UnsafeMutableBufferPointer<epoll_event>.allocate(capacity: mostEvents)

  init(waker: Waker) {
    descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
    precondition(descriptor >= 0, "no epoll descriptor, though some were kept free for it")
    self.waker = waker
    control(EPOLL_CTL_ADD, waker.descriptor, .read, key: Self.wakeKey)
  }

  deinit {
    close(descriptor)
    events.deallocate()
  }

  /// - Parameter key: what `wait` calls this socket.
  func add(_ socket: Int32, _ interest: Interest, key: UInt64) { control(EPOLL_CTL_ADD, socket, interest, key: key) }

  func change(_ socket: Int32, _ interest: Interest, key: UInt64) { control(EPOLL_CTL_MOD, socket, interest, key: key) }

  private func control(_ operation: Int32, _ socket: Int32, _ interest: Interest, key: UInt64) {
    var event = epoll_event()
    event.events = interest.rawValue
    event.data.u64 = key
    epoll_ctl(descriptor, operation, socket, &event)
  }

  /// Waits until something can be done, at most so many milliseconds.
  ///
  /// - Parameter ready: gets the keys; a socket that failed counts as readable and writable.
  func wait(milliseconds: Int32, _ ready: (_ key: UInt64, _ interest: Interest) -> Void) {
    let count = epoll_wait(descriptor, events.baseAddress, Int32(Self.mostEvents), milliseconds)
    guard count > 0 else { return }
    for index in 0..<Int(count) {
      let event = events[index]
      let key = event.data.u64
      if key == Self.wakeKey {
        waker.clear()
        continue
      }
      let failed = event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
      ready(key, failed ? [.read, .write] : Interest(rawValue: event.events))
    }
  }
}
