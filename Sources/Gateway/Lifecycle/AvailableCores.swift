import FoundationEssentials
import NIOCore

/// How many cores this process may use: what the machine or the container has, less what its affinity excludes
/// (`taskset`, `cpuset`). More loops than that would split bursts for nothing.
enum AvailableCores {
  static var count: Int {
    let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    return max(1, min(status.flatMap(allowed) ?? .max, System.coreCount))
  }

  /// From the line `Cpus_allowed:` of proc_pid_status(5): a bit a core, in hexadecimal groups with commas between.
  static func allowed(_ status: String) -> Int? {
    let name = "Cpus_allowed:"
    guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return nil }
    let count = line.dropFirst(name.count).reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
    return count > 0 ? count : nil
  }
}
