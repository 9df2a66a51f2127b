package import WireFormat

extension BenchReport {
  /// The whole report as one object: times in milliseconds, memory in bytes; null is what does not apply or could not
  /// be had.
  package var json: JSONValue {
    .object([
      ("scenario", .string(scenario.rawValue)),
      ("url", .string(url)),
      ("topics", .string("\(topicPrefix)*")),
      ("plan", plan),
      ("complete", .bool(isComplete)),
      ("interrupted", .bool(wasInterrupted)),
      ("problems", .array(problems.map { .string($0) })),
      ("seconds", .double(seconds)),
      (
        "connects",
        .object([
          ("subscribed", .int(subscribed)), ("per_second", .optional(connectsPerSecond)),
          ("ms", .latency(connect)),
        ])
      ),
      (
        "publishes",
        .object([
          ("count", .uint(published)), ("per_second", .optional(publishesPerSecond)),
          ("acknowledgement_ms", .latency(acknowledgement)),
        ])
      ),
      (
        "deliveries",
        .object([
          ("count", .uint(deliveries)), ("per_second", .optional(deliveriesPerSecond)),
          ("latency_ms", .latency(delivery)), ("latency_during_storm_ms", .latency(deliveryDuringStorm)),
        ])
      ),
      ("catch_up", .object([("subscribers", .int(caughtUp)), ("ms", .latency(catchUp))])),
      ("completeness", completenessJSON),
      ("errors", .object(faults.counts.map { ($0.reason, .int($0.count)) })),
      ("gateway", gatewayJSON),
      (
        "bench",
        .object([
          ("cpu_seconds", .double(benchCPUSeconds)), ("cpu_us_each", .optional(benchMicrosecondsEach)),
        ])
      ),
      ("timeline", .array(points.map(\.json))),
    ])
  }

  private var plan: JSONValue {
    .object([
      ("subscribers", .object(subscribers.map { ($0.transport, .int($0.count)) })), ("live", .int(live)),
      ("publishers", .int(publishers)), ("rate", .optional(rate)), ("payload_bytes", .int(payloadBytes)),
      ("groups", .int(groups)), ("topics_each", .int(topicsEach)), ("behind", .int(behind)),
    ])
  }

  private var completenessJSON: JSONValue {
    .object([
      ("expected", .uint(completeness.expected)), ("received", .uint(completeness.received)),
      ("missing", .uint(completeness.missing)), ("duplicates", .uint(completeness.duplicates)),
      ("out_of_order", .uint(completeness.disordered)), ("gaps", .uint(completeness.gaps)),
      ("incomplete_subscribers", .int(completeness.incompleteSubscribers)),
    ])
  }

  private var gatewayJSON: JSONValue {
    guard let gateway else { return .null }
    return .object([
      ("cpu_seconds", .double(gateway.cpuSeconds)), ("cpu_us_each", .optional(gatewayMicrosecondsEach)),
      ("memory_before_bytes", .double(gateway.memoryBefore)),
      ("memory_connected_bytes", .double(gateway.memoryConnected)),
      ("memory_after_bytes", .double(gateway.memoryAfter)),
      ("memory_per_connection_bytes", .optional(gatewayBytesPerConnection)),
    ])
  }
}

extension BenchReport.Point {
  fileprivate var json: JSONValue {
    .object([
      ("at", .double(at)), ("deliveries_per_second", .double(deliveriesPerSecond)),
      ("publishes_per_second", .double(publishesPerSecond)),
      ("subscribed_per_second", .double(subscribedPerSecond)), ("latency_ms", .latency(latency)),
    ])
  }
}

extension JSONValue {
  fileprivate static func optional(_ value: Double?) -> JSONValue { value.map { .double($0) } ?? .null }

  fileprivate static func latency(_ summary: LatencySummary?) -> JSONValue {
    guard let summary else { return .null }
    return .object([
      ("count", .uint(summary.count)), ("mean", .double(summary.mean / 1e6)),
      ("p50", .double(Double(summary.p50) / 1e6)),
      ("p99", .double(Double(summary.p99) / 1e6)), ("max", .double(Double(summary.max) / 1e6)),
    ])
  }
}
