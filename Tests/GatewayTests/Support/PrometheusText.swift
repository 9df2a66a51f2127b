/// Metrics in the Prometheus text format 0.0.4, read strictly: what a scraper could stumble over is an error.
struct PrometheusText {
  struct Family {
    var type: String
    var help: String
    var samples: [(name: String, labels: [(String, String)], value: Double)] = []
  }

  private(set) var families: [String: Family] = [:]

  init(_ text: String) throws {
    guard text.hasSuffix("\n") else { throw Silence(description: "the last line does not end") }
    var help: (name: String, text: String)?
    var current: String?
    for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("# HELP ") {
        let parts = line.dropFirst("# HELP ".count).split(separator: " ", maxSplits: 1)
        guard help == nil, parts.count == 2 else { throw Silence(description: "a HELP out of place: \(line)") }
        help = (String(parts[0]), String(parts[1]))
      } else if line.hasPrefix("# TYPE ") {
        let parts = line.dropFirst("# TYPE ".count).split(separator: " ")
        guard parts.count == 2, let told = help, told.name == parts[0], families[told.name] == nil,
          ["counter", "gauge", "histogram"].contains(String(parts[1])), Self.isName(told.name)
        else { throw Silence(description: "a TYPE out of place: \(line)") }
        guard (parts[1] == "counter") == told.name.hasSuffix("_total") else {
          throw Silence(description: "a counter ends in _total, and nothing else does: \(line)")
        }
        families[told.name] = Family(type: String(parts[1]), help: told.text)
        current = told.name
        help = nil
      } else {
        guard let family = current, help == nil else { throw Silence(description: "a sample out of place: \(line)") }
        let sample = try Self.sample(line)
        let names =
          families[family]!.type == "histogram" ? ["_bucket", "_sum", "_count"].map { family + $0 } : [family]
        guard names.contains(sample.name) else { throw Silence(description: "a sample of another family: \(line)") }
        guard
          !families[family]!.samples.contains(where: {
            $0.name == sample.name && $0.labels.elementsEqual(sample.labels, by: ==)
          })
        else { throw Silence(description: "a sample twice: \(line)") }
        families[family]!.samples.append(sample)
      }
    }
    for (name, family) in families {
      guard !family.samples.isEmpty else { throw Silence(description: "\(name) has no sample") }
      if family.type == "histogram" { try Self.checkHistogram(name, family) }
    }
  }

  /// - Parameter name: with its labels, as it stands in the text: `sluice_gaps_total{reason="expired"}`.
  func value(_ name: String) throws -> Double {
    let wanted = try Self.sample("\(name) 0")
    for family in families.values {
      for sample in family.samples
      where sample.name == wanted.name && sample.labels.elementsEqual(wanted.labels, by: ==) { return sample.value }
    }
    throw Silence(description: "there is no \(name)")
  }

  private static func checkHistogram(_ name: String, _ family: Family) throws {
    let buckets = family.samples.filter { $0.name == "\(name)_bucket" }
    let values = buckets.map(\.value)
    let bounds = buckets.map { $0.labels.last?.1 == "+Inf" ? Double.infinity : Double($0.labels.last?.1 ?? "") ?? .nan }
    guard values == values.sorted(), bounds == bounds.sorted(), bounds.last == .infinity,
      values.last == family.samples.first(where: { $0.name == "\(name)_count" })?.value,
      family.samples.contains(where: { $0.name == "\(name)_sum" })
    else { throw Silence(description: "\(name) is no histogram") }
  }

  private static func isName(_ name: some StringProtocol) -> Bool {
    !name.isEmpty && !name.first!.isNumber
      && name.utf8.allSatisfy {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "_")
      }
  }

  private static func sample(
    _ line: some StringProtocol
  ) throws -> (name: String, labels: [(String, String)], value: Double) {
    guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else {
      throw Silence(description: "no value: \(line)")
    }
    let series = line[..<space]
    guard let brace = series.firstIndex(of: "{") else {
      guard isName(series) else { throw Silence(description: "no name: \(line)") }
      return (String(series), [], value)
    }
    guard isName(series[..<brace]), series.last == "}" else { throw Silence(description: "no labels: \(line)") }
    let labels = try series[series.index(after: brace)...].dropLast().split(separator: ",").map { label in
      let parts = label.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, isName(parts[0]), parts[1].count >= 2, parts[1].first == "\"", parts[1].last == "\"",
        !parts[1].dropFirst().dropLast().contains("\"")
      else { throw Silence(description: "no label: \(line)") }
      return (String(parts[0]), String(parts[1].dropFirst().dropLast()))
    }
    return (String(series[..<brace]), labels, value)
  }
}
