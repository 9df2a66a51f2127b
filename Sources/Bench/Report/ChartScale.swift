#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Where a value is drawn, and which values are written beside the axis.
struct ChartScale {
  /// In pixels: where the lowest and the highest value are.
  private let low: Double
  private let high: Double
  private let from: Double
  private let to: Double
  private let isLogarithmic: Bool
  let ticks: [Double]

  /// From 0 to a round number that is not below `most`.
  ///
  /// - Parameter isExact: to `most` itself instead.
  init(upTo most: Double, low: Double, high: Double, isExact: Bool = false) {
    let most = most > 0 ? most : 1
    let step = Self.step(for: most)
    let count = isExact ? (most / step).rounded(.down) : (most / step).rounded(.up)
    self.low = low
    self.high = high
    from = 0
    to = isExact ? most : step * count
    isLogarithmic = false
    ticks = (0...Int(count)).map { Double($0) * step }
  }

  /// Logarithmic, so that a median and a maximum a thousand times as long are both to be read.
  init(logarithmicFrom least: Double, upTo most: Double, low: Double, high: Double) {
    self.low = low
    self.high = high
    let values = Self.preferred(from: least, to: max(most, least))
    from = values[0]
    to = values[values.count - 1]
    isLogarithmic = true
    let crowded = values.count > 8
    ticks = crowded ? values.filter { Self.isPowerOfTen($0) } : values
  }

  func place(_ value: Double) -> Double {
    let share =
      isLogarithmic
      ? (log10(max(value, from)) - log10(from)) / (log10(to) - log10(from))
      : (value - from) / (to - from)
    return low + (high - low) * min(max(share, 0), 1)
  }

  /// 1, 2 or 5 times a power of ten, so that there are 3 to 6 ticks.
  private static func step(for most: Double) -> Double {
    var step = 1e-9
    while true {
      for factor in [1.0, 2, 5] where most / (step * factor) <= 6 { return step * factor }
      step *= 10
    }
  }

  /// 1, 2 and 5 times the powers of ten, from the last that is not above `least` to the first that is not below
  /// `most`; at least two.
  private static func preferred(from least: Double, to most: Double) -> [Double] {
    var values: [Double] = []
    var power = 1e-6
    while true {
      for factor in [1.0, 2, 5] {
        let value = power * factor
        if value <= least { values = [] }
        values.append(value)
        if value >= most, values.count > 1 { return values }
      }
      power *= 10
    }
  }

  private static func isPowerOfTen(_ value: Double) -> Bool {
    let exponent = log10(value)
    return (exponent - exponent.rounded()).magnitude < 1e-6
  }
}
