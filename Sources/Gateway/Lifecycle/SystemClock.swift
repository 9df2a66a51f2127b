import StreamStores

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The machine's clocks.
enum SystemClock {
  static var monotonic: UInt64 { nanoseconds(CLOCK_MONOTONIC) }

  static var now: Instant { Instant(wall: Int64(nanoseconds(CLOCK_REALTIME) / 1_000_000), monotonic: monotonic) }

  private static func nanoseconds(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
