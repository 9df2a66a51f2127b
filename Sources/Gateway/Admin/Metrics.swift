/// Metrics in the Prometheus text format, version 0.0.4: counters end in `_total`, units are seconds and bytes, and
/// every label has few values.
struct Metrics {
  private(set) var text = ""

  mutating func gauge(_ name: String, _ help: String, _ value: some CustomStringConvertible) {
    family(name, "gauge", help)
    sample(name, value)
  }

  mutating func counter(_ name: String, _ help: String, _ value: some CustomStringConvertible) {
    family(name, "counter", help)
    sample(name, value)
  }

  mutating func gauge(
    _ name: String, _ help: String, by label: String, _ values: [(String, some CustomStringConvertible)]
  ) {
    family(name, "gauge", help)
    for (key, value) in values { sample("\(name){\(label)=\"\(key)\"}", value) }
  }

  mutating func counter(
    _ name: String, _ help: String, by label: String, _ values: [(String, some CustomStringConvertible)]
  ) {
    family(name, "counter", help)
    for (key, value) in values { sample("\(name){\(label)=\"\(key)\"}", value) }
  }

  /// - Parameters:
  ///   - bounds: upper bounds in seconds, rising.
  ///   - counts: one a bound and one above all; not cumulative.
  mutating func histogram(_ name: String, _ help: String, bounds: [Double], counts: [UInt64], sum: Double) {
    family(name, "histogram", help)
    var total: UInt64 = 0
    for (bound, count) in zip(bounds, counts) {
      total += count
      sample("\(name)_bucket{le=\"\(bound)\"}", total)
    }
    total += counts[counts.count - 1]
    sample("\(name)_bucket{le=\"+Inf\"}", total)
    sample("\(name)_sum", sum)
    sample("\(name)_count", total)
  }

  private mutating func family(_ name: String, _ type: String, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
  }

  private mutating func sample(_ name: String, _ value: some CustomStringConvertible) { text += "\(name) \(value)\n" }
}
