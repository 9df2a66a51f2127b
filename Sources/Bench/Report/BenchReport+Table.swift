import GatewayClient

extension BenchReport {
  /// The report for a person, a line each.
  package var lines: [String] {
    var table = TextTable([("", .left), ("", .right), ("P50", .right), ("P99", .right), ("MAX", .right)])
    if let connectsPerSecond {
      table.add(latency: "connects a second", Quantity.rate(connectsPerSecond), connect)
    }
    if scenario == .resumeStorm {
      table.add(latency: "caught up", "\(Quantity.count(caughtUp)) of \(Quantity.count(stormSubscribers))", catchUp)
    }
    if let publishesPerSecond {
      table.add(latency: "publishes a second", Quantity.rate(publishesPerSecond), acknowledgement)
    }
    if let deliveriesPerSecond {
      table.add(latency: "deliveries a second", Quantity.rate(deliveriesPerSecond), stormless)
    }
    if live > 0 {
      table.add(latency: "live, before the storm", "", delivery)
      table.add(latency: "live, during the storm", "", deliveryDuringStorm)
    }
    return [headline, ""] + table.lines.map { $0 } + [""] + facts.lines.dropFirst() + verdict
  }

  /// A storm's own deliveries have no latency: what was missed was published before.
  private var stormless: LatencySummary? { scenario == .resumeStorm ? nil : delivery }
  private var stormSubscribers: Int { subscribers.reduce(0) { $0 + $1.count } }

  /// What was run, in one line.
  var headline: String {
    var parts = subscribers.map { "\(Quantity.count($0.count)) \($0.transport)" }
    if subscribers.isEmpty { parts.append("no subscribers") }
    if live > 0 { parts.append("\(Quantity.count(live)) live") }
    if scenario != .connectStorm {
      let pace = rate.map { ", \(Quantity.rate($0)) messages a second asked" } ?? ""
      parts.append("\(publishers) publisher\(publishers == 1 ? "" : "s")\(pace)")
      parts.append("\(Quantity.count(payloadBytes)) bytes")
    }
    if scenario == .resumeStorm { parts.append("\(Quantity.count(behind)) messages behind") }
    if groups > 1 || topicsEach > 1 { parts.append("\(groups) × \(topicsEach) topics") }
    return "\(scenario.rawValue): \(parts.joined(separator: ", ")), \(Quantity.significant(seconds)) s"
  }

  /// What has no percentiles.
  private var facts: TextTable {
    var table = TextTable([("", .left), ("", .left)])
    if deliveries > 0 || completeness.expected > 0 {
      let counts = "\(Quantity.count(completeness.received)) of \(Quantity.count(completeness.expected)) messages"
      table.add(
        "received",
        "\(counts), \(completeness.missing) missing, \(completeness.duplicates) twice, "
          + "\(completeness.disordered) out of order, \(completeness.gaps) gaps")
    }
    if published > 0 { table.add("published", "\(Quantity.count(published)) messages") }
    table.add("errors", Quantity.count(faults.total))
    table.add("gateway memory", memory)
    table.add("gateway CPU", gateway.map { cpu($0.cpuSeconds, gatewayMicrosecondsEach) } ?? Self.unknown)
    table.add("bench CPU", cpu(benchCPUSeconds, benchMicrosecondsEach))
    return table
  }

  private static let unknown = "not available: the admin listener cannot be reached (--admin-url)"

  private var memory: String {
    guard let gateway else { return Self.unknown }
    var text = "\(Quantity.bytes(gateway.memoryBefore)) before, \(Quantity.bytes(gateway.memoryConnected)) connected"
    if let each = gatewayBytesPerConnection, each > 0 { text += " (\(Quantity.bytes(each)) a connection)" }
    return "\(text), \(Quantity.bytes(gateway.memoryAfter)) at the end"
  }

  private func cpu(_ total: Double, _ each: Double?) -> String {
    let share = seconds > 0 ? ", \(Quantity.significant(total / seconds * 100)) % of a core" : ""
    let what = deliveries > 0 ? "delivery" : "publish"
    let one = each.map { ", \(Quantity.significant($0)) µs a \(what)" } ?? ""
    return "\(Quantity.significant(total)) s\(share)\(one)"
  }

  private var verdict: [String] {
    var lines = wasInterrupted ? ["", "Interrupted: this is what there was until then."] : []
    if problems.isEmpty {
      if deliveries > 0, !wasInterrupted { lines += ["", "Complete: everyone got everything, once and in order."] }
    } else {
      lines += ["", "NOT COMPLETE"] + problems.map { "  \($0)" }
    }
    return lines
  }
}

extension TextTable {
  fileprivate mutating func add(latency title: String, _ value: String, _ summary: LatencySummary?) {
    add(
      title, value, summary.map { Quantity.time(nanoseconds: $0.p50) } ?? "",
      summary.map { Quantity.time(nanoseconds: $0.p99) } ?? "",
      summary.map { Quantity.time(nanoseconds: $0.max) } ?? "")
  }
}
