/// One set of axes with its lines.
struct ChartPanel {
  struct Series {
    /// What stands beside the title; empty for a panel's only line.
    let name: String
    /// Of the style sheet.
    let style: String
    let values: [(x: Double, y: Double)]
  }

  private static let left = 72.0
  private static let right = 40.0

  let title: String
  let unit: String
  /// In pixels.
  let top: Double
  let bottom: Double
  let isLogarithmic: Bool
  let series: [Series]

  /// - Parameter seconds: where the time axis ends.
  func svg(width: Double, seconds: Double) -> String {
    let time = ChartScale(upTo: seconds, low: Self.left, high: width - Self.right, isExact: true)
    let all = series.flatMap { $0.values.map(\.y) }
    var lines = [
      "<text class=\"text\" x=\"\(Self.left)\" y=\"\(top - 14)\" font-weight=\"600\">\(title)"
        + "<tspan class=\"faint\" font-weight=\"400\">  (\(unit))</tspan></text>"
    ]
    guard let least = all.min(), let most = all.max() else {
      lines.append("<text class=\"faint\" x=\"\(Self.left)\" y=\"\((top + bottom) / 2)\">nothing to show</text>")
      return lines.joined(separator: "\n")
    }
    let values =
      isLogarithmic
      ? ChartScale(logarithmicFrom: least, upTo: most, low: bottom, high: top)
      : ChartScale(upTo: most, low: bottom, high: top)
    lines += axes(time, values, width)
    lines += legend(width)
    for series in series { lines += drawing(of: series, time, values) }
    return lines.joined(separator: "\n")
  }

  private func axes(_ time: ChartScale, _ values: ChartScale, _ width: Double) -> [String] {
    var lines: [String] = []
    for tick in values.ticks {
      let y = Self.pixel(values.place(tick))
      lines.append("<line class=\"grid\" x1=\"\(Self.left)\" x2=\"\(width - Self.right)\" y1=\"\(y)\" y2=\"\(y)\"/>")
      lines.append(
        "<text class=\"faint\" x=\"\(Self.left - 8)\" y=\"\(y)\" dy=\"0.35em\" text-anchor=\"end\">"
          + "\(Self.label(tick))</text>")
    }
    for tick in time.ticks {
      let x = Self.pixel(time.place(tick))
      lines.append("<line class=\"axis\" x1=\"\(x)\" x2=\"\(x)\" y1=\"\(bottom)\" y2=\"\(bottom + 5)\"/>")
      lines.append(
        "<text class=\"faint\" x=\"\(x)\" y=\"\(bottom + 20)\" text-anchor=\"middle\">\(Self.label(tick))</text>")
    }
    lines.append(
      "<line class=\"axis\" x1=\"\(Self.left)\" x2=\"\(width - Self.right)\" y1=\"\(bottom)\" y2=\"\(bottom)\"/>")
    return lines
  }

  private func legend(_ width: Double) -> [String] {
    let named = series.filter { !$0.name.isEmpty }
    return named.enumerated().map { index, series in
      let x = width - Self.right - Double(named.count - 1 - index) * 52
      return "<text class=\"label \(series.style)\" x=\"\(x)\" y=\"\(top - 14)\" text-anchor=\"end\" "
        + "font-weight=\"600\">\(series.name)</text>"
    }
  }

  private func drawing(of series: Series, _ time: ChartScale, _ values: ChartScale) -> [String] {
    let places = series.values.map { (Self.pixel(time.place($0.x)), Self.pixel(values.place($0.y))) }
    // A point alone is no line.
    if places.count == 1 {
      return ["<circle class=\"dot \(series.style)\" cx=\"\(places[0].0)\" cy=\"\(places[0].1)\" r=\"4\"/>"]
    }
    let points = places.map { "\($0),\($1)" }.joined(separator: " ")
    return ["<polyline class=\"line \(series.style)\" points=\"\(points)\"/>"]
  }

  /// To a tenth of a pixel.
  private static func pixel(_ value: Double) -> Double { (value * 10).rounded() / 10 }

  /// `0.5`, `20`, `120k`, `1.5M`.
  static func label(_ value: Double) -> String {
    let (scaled, unit) =
      value >= 1e6 ? (value / 1e6, "M") : value >= 1e4 ? (value / 1e3, "k") : (value, "")
    let rounded = (scaled * 1e6).rounded() / 1e6
    return rounded == rounded.rounded() ? "\(Int(rounded))\(unit)" : "\(rounded)\(unit)"
  }
}
