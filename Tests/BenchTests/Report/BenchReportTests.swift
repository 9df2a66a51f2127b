import Bench
import Testing
import WireFormat

struct BenchReportTests {
  private static func report(_ change: (inout BenchReport) -> Void = { _ in }) -> BenchReport {
    var report = BenchReport(scenario: .fanOut, url: "http://127.0.0.1:8080/", topicPrefix: "bench.abcdefgh.")
    report.subscribers = [("websocket", 2), ("sse", 1)]
    report.subscribed = 3
    report.publishers = 1
    report.payloadBytes = 128
    report.groups = 1
    report.topicsEach = 1
    report.seconds = 2
    report.connectsPerSecond = 1234.5
    report.connect = LatencySummary(count: 3, mean: 1e6, p50: 1_000_000, p99: 2_000_000, max: 3_000_000)
    report.published = 100
    report.publishesPerSecond = 50
    report.acknowledgement = LatencySummary(count: 100, mean: 4e5, p50: 400_000, p99: 1_500_000, max: 2_000_000_000)
    report.deliveries = 300
    report.deliveriesPerSecond = 150
    report.delivery = LatencySummary(count: 300, mean: 5e5, p50: 500_000, p99: 12_345_000, max: 20_000_000)
    report.completeness.expected = 300
    report.completeness.received = 300
    report.benchCPUSeconds = 0.0003
    report.gateway = .init(
      cpuSeconds: 0.3, memoryBefore: 1_048_576, memoryConnected: 1_052_672, memoryAfter: 2_097_152)
    report.points = (0..<20).map { index in
      .init(
        at: Double(index) / 10 + 0.05, deliveriesPerSecond: 150, publishesPerSecond: 50, subscribedPerSecond: 0,
        latency: LatencySummary(count: 15, mean: 5e5, p50: 500_000, p99: 12_345_000, max: 20_000_000))
    }
    change(&report)
    return report
  }

  @Test func `the table says everything with its unit`() {
    let expected = """
      fan-out: 2 websocket, 1 sse, 1 publisher, 128 bytes, 2.00 s

                                P50      P99      MAX
      connects a second   1 235  1.00 ms  2.00 ms  3.00 ms
      publishes a second   50.0  0.40 ms  1.50 ms   2.00 s
      deliveries a second   150  0.50 ms  12.3 ms  20.0 ms

      received        300 of 300 messages, 0 missing, 0 twice, 0 out of order, 0 gaps
      published       100 messages
      errors          0
      gateway memory  1.00 MiB before, 1.00 MiB connected (1.00 KiB a connection), 2.00 MiB at the end
      gateway CPU     0.30 s, 15.0 % of a core, 1 000 µs a delivery
      bench CPU       0.00 s, 0.02 % of a core, 1.00 µs a delivery

      Complete: everyone got everything, once and in order.
      """
    let squeezed = { (lines: [String]) in lines.map { $0.split(separator: " ").joined(separator: " ") } }
    #expect(
      squeezed(Self.report().lines)
        == squeezed(expected.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)))
  }

  @Test func `a gateway whose metrics cannot be had is said to be so`() {
    let report = Self.report { $0.gateway = nil }
    #expect(report.lines.count { $0.contains("not available") } == 2)
    #expect(report.json["gateway"]?.isNull == true)
    #expect(report.isComplete)
  }

  @Test func `whatever is not as it should be makes the run incomplete`() {
    let changes: [(inout BenchReport) -> Void] = [
      { $0.completeness.missing = 1 }, { $0.completeness.duplicates = 1 }, { $0.completeness.disordered = 1 },
      { $0.completeness.gaps = 1 }, { $0.subscribed = 2 }, { $0.faults.add("connection lost") },
    ]
    for change in changes {
      let report = Self.report(change)
      #expect(!report.isComplete)
      #expect(report.problems.count == 1)
      #expect(report.lines.contains("NOT COMPLETE"))
      #expect(report.json["complete"]?.boolValue == false)
    }
  }

  @Test func `the JSON is one object with the same figures`() throws {
    let json = try JSONValue(parsing: Self.report().json.encoded)
    #expect(json["deliveries"]?["count"]?.intValue == 300)
    #expect(json["plan"]?["subscribers"]?["sse"]?.intValue == 1)
    #expect(json["completeness"]?["missing"]?.intValue == 0)
    #expect(json["timeline"]?.arrayValue?.count == 20)
    #expect(json["catch_up"]?["ms"]?.isNull == true)
  }

  @Test func `a chart has its title, its units and a line for each percentile`() {
    let chart = Self.report().chart
    for text in ["fan-out", "ms, logarithmic", "1/s", "seconds since the first publish", "prefers-color-scheme:dark"] {
      #expect(chart.contains(text))
    }
    #expect(chart.ranges(of: "<polyline").count == 4)
    #expect(chart.ranges(of: "<svg").count == 1)
  }

  @Test func `a chart of a run that was over at once is a chart all the same`() {
    #expect(Self.report { $0.points = [] }.chart.contains("nothing to show"))
    #expect(Self.report { $0.points = [$0.points[0]] }.chart.ranges(of: "<circle").count == 4)
    #expect(
      !Self.report { report in
        for index in report.points.indices { report.points[index].latency = nil }
        report.deliveries = 0
      }.chart.contains("nan"))
  }
}

struct QuantityTests {
  @Test(arguments: [
    (0, "0.00"), (0.004, "0.00"), (0.126, "0.13"), (9.99, "9.99"), (9.996, "10.0"), (99.94, "99.9"), (99.96, "100"),
    (1234.4, "1 234"), (1_234_567, "1 234 567"), (-1.5, "-1.50"),
  ])
  func `numbers have three significant digits, all of them before the point`(value: Double, text: String) {
    #expect(Quantity.significant(value) == text)
  }

  @Test func `units fit`() {
    #expect(Quantity.time(nanoseconds: 420_000) == "0.42 ms")
    #expect(Quantity.time(nanoseconds: 1_250_000_000) == "1.25 s")
    #expect(Quantity.bytes(831) == "831 B")
    #expect(Quantity.bytes(5734) == "5.60 KiB")
    #expect(Quantity.bytes(5 * 1024 * 1024 * 1024) == "5.00 GiB")
  }
}

struct GatewayUsageTests {
  @Test func `the two figures are found among the metrics`() {
    let metrics = """
      # HELP process_cpu_seconds_total CPU time.
      # TYPE process_cpu_seconds_total counter
      process_resident_memory_bytes 4096
      process_cpu_seconds_total 1.25
      """
    #expect(GatewayUsage(metrics: metrics) == GatewayUsage(cpuSeconds: 1.25, residentBytes: 4096))
    #expect(GatewayUsage(metrics: "process_cpu_seconds_total 1.25") == nil)
  }
}
