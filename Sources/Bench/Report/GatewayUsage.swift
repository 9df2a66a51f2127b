import GatewayClient

/// What a gateway uses, as its admin listener's `/metrics` tells.
package struct GatewayUsage: Sendable, Equatable {
  package var cpuSeconds: Double
  package var residentBytes: Double

  package init(cpuSeconds: Double, residentBytes: Double) {
    self.cpuSeconds = cpuSeconds
    self.residentBytes = residentBytes
  }

  /// - Parameter metrics: Prometheus text; nil if it does not have both.
  package init?(metrics: String) {
    guard let cpu = Self.sample("process_cpu_seconds_total", in: metrics),
      let resident = Self.sample("process_resident_memory_bytes", in: metrics)
    else { return nil }
    self.init(cpuSeconds: cpu, residentBytes: resident)
  }

  private static func sample(_ name: String, in metrics: String) -> Double? {
    for line in metrics.split(separator: "\n") where line.hasPrefix("\(name) ") {
      return Double(line.dropFirst(name.count + 1))
    }
    return nil
  }

  /// Asks; nil if the admin listener cannot be reached or does not tell.
  static func ask(_ admin: GatewayCalls?) async -> GatewayUsage? {
    guard let admin, let answer = try? await admin.send(.get, "/metrics", timeout: .seconds(5)) else { return nil }
    return GatewayUsage(metrics: String(decoding: answer, as: UTF8.self))
  }
}
