import GatewayClient
import WireFormat

extension ExaminationPlan {
  /// - Parameter transports: those that open.
  func probeIdle(_ transports: [StreamTransport]) async throws -> IdleMeasurement {
    let taps = transports.filter { $0 != .poll }.map { StreamTap($0, self) }
    defer { for tap in taps { tap.breakOff() } }
    async let poll = transports.contains(.poll) ? longPoll() : nil
    try await taps.wait(patience) { $0.opened != nil }
    let idle = idle
    try await taps.wait(idle) { _ in false }
    let lines = taps.compactMap { tap -> IdleMeasurement.Line? in
      let record = tap.record
      guard let opened = record.opened else { return nil }
      let until = record.end?.at ?? tap.now
      var line = IdleMeasurement.Line(
        transport: tap.transport, lasted: until - opened, silence: until - (record.heard.last?.at ?? opened))
      line.heartbeat = record.first("hello")?.object.integer("heartbeat").map { .seconds($0) }
      line.heartbeats = record.heard.count { $0.kind == "heartbeat" }
      if let end = record.end {
        line.end = record.first("reconnect") != nil ? .sentAway : .cut(end.why.words)
      }
      return line
    }
    var measurement = IdleMeasurement(time: idle, lines: lines, poll: try await poll)
    measurement.unopened = taps.filter { $0.record.opened == nil }.map(\.transport)
    return measurement
  }

  private func longPoll() async throws -> PollingMeasurement.Held? {
    guard let position = try await poll(since: nil, wait: 0).value?.next else { return nil }
    return try await longestAllowed(upTo: Int(idle / .seconds(1))) { seconds in
      let held = try await holdPoll(since: position, seconds: seconds)
      return (held, held.failure)
    }
  }
}
