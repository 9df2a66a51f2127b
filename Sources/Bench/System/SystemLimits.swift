#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What the system allows this process, checked before anything is connected.
package enum SystemLimits {
  /// Descriptors that are no connection: standard streams, epoll, the run's own HTTP calls.
  package static let spareDescriptors = 64
  /// Connections from one source address to one port: below the 28,231 ports Linux gives out by default, and what a
  /// gateway allows one address by default.
  package static let connectionsPerSource = 20_000

  /// Raises the soft limit of open files to the hard one.
  ///
  /// - Returns: the limit that is now in force.
  package static func raiseOpenFiles() -> Int {
    var limit = rlimit()
    let kind = __rlimit_resource_t(7)
    guard getrlimit(kind, &limit) == 0 else { return 1024 }
    limit.rlim_cur = limit.rlim_max
    guard setrlimit(kind, &limit) == 0, getrlimit(kind, &limit) == 0 else { return 1024 }
    return Int(min(limit.rlim_cur, UInt(Int32.max)))
  }

  /// - Parameter openFiles: the limit in force.
  package static func check(connections: Int, openFiles: Int) throws(PlanError) {
    guard connections + spareDescriptors <= openFiles else {
      throw PlanError(
        "\(connections) connections need \(connections + spareDescriptors) open files and this process may have "
          + "\(openFiles): raise the hard limit (ulimit -Hn, or LimitNOFILE= of the service) or ask for fewer")
    }
  }

  /// The addresses that connections come from, in turns: nil alone for the system's choice. Every connection to one
  /// port needs a source port of its own, and an address has only so many.
  package static func sources(connections: Int, to target: SocketAddress) throws(PlanError) -> [SocketAddress?] {
    guard connections > connectionsPerSource else { return [nil] }
    let needed = (connections + connectionsPerSource - 1) / connectionsPerSource
    guard target.isLoopbackIPv4, needed < 255 else {
      throw PlanError(
        "\(connections) connections to \(target) need more source ports than one address has: at most "
          + "\(connectionsPerSource) from here, or run the bench on several machines")
    }
    return (1...needed).map { SocketAddress(loopback: UInt8($0)) }
  }

  /// CPU time of this process so far, user and system, in seconds.
  package static var cpuSeconds: Double {
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }
}
