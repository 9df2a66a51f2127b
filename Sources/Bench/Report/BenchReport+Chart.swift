extension BenchReport {
  /// A chart of the run as SVG: latency percentiles over time, and below them how much there was of it.
  package var chart: String {
    let width = 900.0
    let upper = ChartPanel(
      title: latencyTitle, unit: "ms, logarithmic", top: 104, bottom: 310, isLogarithmic: true,
      series: [
        .init(name: "max", style: "max", values: latencies(\.max)),
        .init(name: "p99", style: "p99", values: latencies(\.p99)),
        .init(name: "p50", style: "p50", values: latencies(\.p50)),
      ])
    let lower = ChartPanel(
      title: rateTitle, unit: "1/s", top: 374, bottom: 520, isLogarithmic: false,
      series: [.init(name: "", style: "rate", values: points.map { ($0.at, rate(of: $0)) })])
    let end = max(seconds, points.last.map(\.at) ?? 0)
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(width)) 580" width="\(Int(width))" height="580" \
      font-family="system-ui, sans-serif" font-size="13">
      <title>sluice bench</title>
      <style>\(Self.style)</style>
      <rect class="ground" width="\(Int(width))" height="580"/>
      <text class="text" x="72" y="30" font-size="17" font-weight="600">sluice bench: \(scenario.rawValue)</text>
      <text class="faint" x="72" y="50">\(subtitle)</text>
      \(upper.svg(width: width, seconds: end))
      \(lower.svg(width: width, seconds: end))
      <text class="faint" x="\((72 + width - 40) / 2)" y="562" text-anchor="middle">seconds since the \(beginning)</text>
      </svg>

      """
  }

  /// Readable on light and on dark pages: it has a ground of its own and follows what the reader prefers.
  private static let style = """
    .ground{fill:#fff}.text{fill:#1c1e21}.faint{fill:#5b6168}.grid{stroke:#e3e5e8}.axis{stroke:#9aa0a6}\
    .line{fill:none;stroke-width:2;stroke-linejoin:round}.line.p50{stroke:#0b6bcb}.line.p99{stroke:#c2410c}\
    .line.max{stroke:#8b8f96}.line.rate{stroke:#0f7b4f}.dot.p50,.label.p50{fill:#0b6bcb}\
    .dot.p99,.label.p99{fill:#c2410c}.dot.max,.label.max{fill:#6b7078}.dot.rate{fill:#0f7b4f}\
    @media (prefers-color-scheme:dark){.ground{fill:#17191c}.text{fill:#eceef0}.faint{fill:#a3a9b0}\
    .grid{stroke:#2d3136}.axis{stroke:#6b7078}.line.p50{stroke:#6cb2ff}.line.p99{stroke:#ff9a62}\
    .line.max{stroke:#8b8f96}.line.rate{stroke:#4fce95}.dot.p50,.label.p50{fill:#6cb2ff}\
    .dot.p99,.label.p99{fill:#ff9a62}.dot.max,.label.max{fill:#a3a9b0}.dot.rate{fill:#4fce95}}
    """

  /// What is drawn, in one line.
  private var subtitle: String { headline.drop { $0 != ":" }.dropFirst(2).description }

  private var latencyTitle: String {
    switch scenario {
    case .fanOut: "Latency from publish to receipt"
    case .connectStorm: "Time from connect to hello"
    case .resumeStorm where live > 0: "Latency of the live subscribers, from publish to receipt"
    case .resumeStorm: "Time from connect to the last message missed"
    }
  }

  private var rateTitle: String {
    scenario == .connectStorm ? "Subscribers connected" : deliveries > 0 ? "Deliveries" : "Publishes"
  }

  private var beginning: String { scenario == .fanOut ? "first publish" : "storm began" }

  private func rate(of point: Point) -> Double {
    if scenario == .connectStorm { return point.subscribedPerSecond }
    return deliveries > 0 ? point.deliveriesPerSecond : point.publishesPerSecond
  }

  /// In milliseconds, where there are some.
  private func latencies(_ value: KeyPath<LatencySummary, UInt64>) -> [(Double, Double)] {
    points.compactMap { point in point.latency.map { (point.at, Double($0[keyPath: value]) / 1e6) } }
  }
}
