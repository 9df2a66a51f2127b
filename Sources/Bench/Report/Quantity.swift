/// Numbers for people: three significant digits, thousands apart, and a unit that fits.
package enum Quantity {
  /// `0.42 ms`, `12.3 ms`, `1.25 s`.
  package static func time(nanoseconds: some BinaryInteger) -> String {
    let milliseconds = Double(nanoseconds) / 1e6
    return milliseconds < 1000 ? "\(significant(milliseconds)) ms" : "\(significant(milliseconds / 1000)) s"
  }

  /// `831 B`, `5.6 KiB`, `61.2 MiB`.
  package static func bytes(_ count: Double) -> String {
    var value = count
    for unit in ["B", "KiB", "MiB"] {
      if value.magnitude < 1024 { return "\(significant(value)) \(unit)" }
      value /= 1024
    }
    return "\(significant(value)) GiB"
  }

  /// `1 234 567`.
  package static func count(_ number: some BinaryInteger) -> String {
    var digits = Array(String(number.magnitude))
    var place = digits.count - 3
    while place > 0 {
      digits.insert(" ", at: place)
      place -= 3
    }
    return (number < 0 ? "-" : "") + String(digits)
  }

  /// `98 123`, `20.5`, `0.12`.
  package static func rate(_ value: Double) -> String { significant(value) }

  /// Three significant digits, all of them before the point.
  package static func significant(_ value: Double) -> String {
    let magnitude = value.magnitude
    if magnitude >= 99.95 { return count(Int(value.rounded())) }
    let decimals = magnitude >= 9.995 ? 1 : 2
    let scale = decimals == 1 ? 10 : 100
    let scaled = Int((magnitude * Double(scale)).rounded())
    let fraction = String(scaled % scale)
    let padding = String(repeating: "0", count: decimals - fraction.count)
    return "\(value < 0 && scaled > 0 ? "-" : "")\(scaled / scale).\(padding)\(fraction)"
  }
}
