#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What this process uses, as the system tells it.
struct ProcessUsage {
  var residentBytes = 0
  var cpuSeconds = 0.0
  var openDescriptors = 0
  var maxDescriptors: UInt = 0

  static var current: ProcessUsage {
    var result = ProcessUsage()
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    for time in [usage.ru_utime, usage.ru_stime] {
      result.cpuSeconds += Double(time.tv_sec) + Double(time.tv_usec) / 1e6
    }
    if let file = fopen("/proc/self/statm", "r") {
      var size = 0
      var resident = 0
      withUnsafeMutablePointer(to: &size) { size in
        withUnsafeMutablePointer(to: &resident) { resident in
          _ = withVaList([size, resident]) { vfscanf(file, "%ld %ld", $0) }
        }
      }
      fclose(file)
      result.residentBytes = resident * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
    if let directory = opendir("/proc/self/fd") {
      // Not counting ".", ".." and the directory's own.
      result.openDescriptors = -3
      while readdir(directory) != nil { result.openDescriptors += 1 }
      closedir(directory)
    }
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(7), &limit) == 0 { result.maxDescriptors = UInt(limit.rlim_cur) }
    return result
  }
}
