import Configuration
import Delivery
import HTTPServer
import NIOCore
import StreamLog
import StreamStores
import Transports
import WireFormat

/// `GET /v1/admin/stats`: what the console shows, as JSON. Counters are since the start, as those of `/metrics` are.
extension AdminRoutes {
  func stats(_ exchange: any HTTPExchange) {
    gateway.loops.counts(on: exchange.eventLoop).assumeIsolated().whenSuccess { [gateway] counts in
      exchange.respond(200, json: gateway.stats(counts).encoded)
    }
  }
}

extension Gateway {
  fileprivate func stats(_ counts: LoopCounts) -> JSONValue {
    let (hub, held, published) = (counts.hub, store.statistics(), publisher.counts)
    let trouble = store.trouble
    var storeState: [(String, JSONValue)] = [("state", .string(trouble == nil ? "ok" : "trouble"))]
    if let trouble { storeState.append(("detail", .string(trouble))) }
    return .object([
      ("time", .int(Int(SystemClock.now.wall))),
      ("uptime_ms", .uint((SystemClock.monotonic - startedAt) / 1_000_000)),
      ("version", .string(Version.string)), ("draining", .bool(isDraining)), ("store", .object(storeState)),
      ("head", .id(store.tape.lineage.position(store.tape.head))),
      ("messages_published", .uint(UInt64(published.messages))), ("deliveries", .uint(hub.deliveries)),
      ("delivered_bytes", .uint(hub.deliveredBytes)),
      ("connections", .object(TransportKind.allCases.map { ($0.rawValue, .int(counts.open[$0] ?? 0)) })),
      ("subscriptions", .int(hub.subscriptions)), ("catching_up", .int(hub.reading)),
      ("gaps", .object(Gap.Reason.allCases.map { ($0.rawValue, .uint(hub.gaps[$0] ?? 0)) })),
      (
        "resumes",
        .object([
          ("complete", .uint(hub.resumesComplete)), ("gap", .uint(hub.resumesWithGap)),
          ("unknown", .uint(hub.resumesUnknown)),
        ])
      ),
      ("delivery_latency", hub.latencyHistogram), ("topics", .int(held.topics)),
      ("memory", .object([("used", .int(held.bytes)), ("limit", .int(configuration.limits.memory))])),
    ])
  }
}

extension HubCounters {
  /// `[bound in seconds, deliveries up to it]`, the last bound null for all.
  fileprivate var latencyHistogram: JSONValue {
    var total: UInt64 = 0
    var buckets: [JSONValue] = []
    for (index, count) in latency.enumerated() {
      total += count
      let bound = Self.latencyBoundsMicroseconds.indices.contains(index) ? Self.latencyBoundsMicroseconds[index] : nil
      buckets.append(.array([bound.map { .double(Double($0) / 1e6) } ?? .null, .uint(total)]))
    }
    return .object([
      ("buckets", .array(buckets)), ("count", .uint(total)),
      ("sum", .double(Double(latencySumMicroseconds) / 1e6)),
    ])
  }
}
