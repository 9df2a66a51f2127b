import Configuration
import Delivery
import HTTP2
import HTTPServer
import StreamLog
import StreamStores
import TLS
import Transports

extension Gateway {
  /// Everything an operator can watch.
  func metrics(_ counts: LoopCounts) -> Metrics {
    var metrics = Metrics()
    let hub = counts.hub
    metrics.gauge("sluice_build_info", "The version that runs.", by: "version", [(Version.string, 1)])
    metrics.gauge("sluice_event_loops", "Event loops that connections are dealt out to.", loops.parts.count)
    metrics.gauge("sluice_draining", "1 while the gateway goes away.", isDraining ? 1 : 0)

    metrics.gauge(
      "sluice_connections", "Open subscribers.", by: "transport",
      TransportKind.allCases.map { ($0.rawValue, counts.open[$0] ?? 0) })
    metrics.counter(
      "sluice_connections_opened_total", "Subscribers that began.", by: "transport",
      TransportKind.allCases.map { ($0.rawValue, counts.opened[$0] ?? 0) })
    metrics.counter(
      "sluice_connections_dismissed_total", "Subscribers ended by the gateway.", by: "reason",
      ["memory", "disconnected", "draining"].map { ($0, hub.dismissals[$0] ?? 0) })
    metrics.gauge("sluice_subscriptions", "Topics and patterns subscribed to.", hub.subscriptions)
    metrics.gauge("sluice_catching_up_subscribers", "Subscribers behind the newest message.", hub.reading)

    let published = publisher.counts
    metrics.counter("sluice_messages_published_total", "Messages committed.", published.messages)
    metrics.counter("sluice_published_bytes_total", "Payload bytes committed.", published.bytes)
    metrics.counter(
      "sluice_publishes_repeated_total", "Publishes answered by their idempotency key.", published.repeated)
    metrics.counter("sluice_publishes_refused_total", "Publishes the store refused.", published.refused)
    metrics.counter("sluice_deliveries_total", "Messages handed to connections.", hub.deliveries)
    metrics.counter("sluice_delivered_bytes_total", "Bytes of messages handed to connections.", hub.deliveredBytes)
    metrics.counter("sluice_received_bytes_total", "Bytes of WebSocket frames received.", counts.receivedBytes)
    metrics.counter(
      "sluice_gaps_total", "Gaps announced.", by: "reason",
      Gap.Reason.allCases.map { ($0.rawValue, hub.gaps[$0] ?? 0) })
    metrics.counter(
      "sluice_resumes_total", "Backlogs read to the end, by what they met.", by: "outcome",
      [
        ("complete", hub.resumesComplete), ("gap", hub.resumesWithGap), ("unknown_epoch", hub.resumesUnknown),
      ])
    metrics.histogram(
      "sluice_publish_to_write_seconds", "From a message's commit to its write to a live connection.",
      bounds: HubCounters.latencyBoundsMicroseconds.map { Double($0) / 1e6 }, counts: hub.latency,
      sum: Double(hub.latencySumMicroseconds) / 1e6)

    let held = store.statistics()
    metrics.gauge("sluice_topics", "Topics known.", held.topics)
    metrics.gauge("sluice_messages_held", "Messages in topic histories.", held.messages)
    metrics.gauge("sluice_memory_bytes", "Memory that counts in limits.memory.", held.bytes)
    metrics.gauge("sluice_memory_limit_bytes", "limits.memory.", configuration.limits.memory)
    metrics.gauge("sluice_unsent_bytes", "Handed to connections that do not take them.", ledger.unsent)
    metrics.gauge("sluice_cached_bytes", "Compressed copies of messages, kept for sharing.", ledger.cached)
    metrics.gauge("sluice_idempotency_keys", "Keys remembered.", held.idempotencyKeys)
    metrics.counter(
      "sluice_messages_dropped_total", "Messages dropped from histories.", by: "reason",
      [("retention", held.droppedByRetention), ("memory", held.droppedByMemory)])
    metrics.counter("sluice_topics_forgotten_total", "Topic records dropped for memory.", held.forgottenTopics)

    http(&metrics)
    process(&metrics)
    return metrics
  }

  private func http(_ metrics: inout Metrics) {
    guard let listener = publicListener else { return }
    let counters = listener.counters
    metrics.gauge("sluice_http_connections", "Open connections of the public listener.", listener.connections)
    metrics.counter("sluice_http_connections_accepted_total", "Connections accepted.", counters[.accepted])
    metrics.counter(
      "sluice_http_connections_refused_total", "Connections refused.", by: "limit",
      [("connections", counters[.refusedTotal]), ("connections_per_address", counters[.refusedPerAddress])])
    metrics.counter(
      "sluice_http_accept_failures_total", "Failures to accept for want of descriptors or memory.",
      counters[.acceptFailures])
    metrics.counter("sluice_http_requests_total", "Requests.", counters[.requests])
    metrics.counter("sluice_http_bad_requests_total", "Requests that broke a rule or a limit.", counters[.badRequests])
    metrics.counter("sluice_http_timeouts_total", "Heads and bodies not complete in time.", counters[.timeouts])
    metrics.counter(
      "sluice_http_stalled_total", "Connections and streams closed because they took no bytes.", counters[.stalled])
    metrics.counter(
      "sluice_proxy_header_failures_total", "Connections closed for want of a trusted proxy's PROXY header.",
      counters[.proxyHeaderFailures])
    http2(counters, &metrics)
    tls(counters, &metrics)
  }

  private func http2(_ counters: HTTPCounters, _ metrics: inout Metrics) {
    metrics.counter(
      "sluice_http2_connections_total", "Connections that speak HTTP/2.", counters[.http2Connections])
    metrics.counter(
      "sluice_http2_requests_dropped_total", "Requests that their client reset before they began.",
      counters[.http2RequestsDropped])
    metrics.counter(
      "sluice_http2_streams_refused_total", "Streams above limits.http2_streams.", counters[.http2StreamsRefused])
    metrics.counter(
      "sluice_http2_violations_total", "HTTP/2 connections ended by the gateway.", by: "limit",
      [
        HTTP2Violation.resets, .controlFrames, .continuations, .headerList, .streamIdentifier, .protocolError(""),
      ].map { ($0.label, counters[HTTPCounters.Kind($0)]) })
  }

  private func tls(_ counters: HTTPCounters, _ metrics: inout Metrics) {
    guard let certificates else { return }
    metrics.counter(
      "sluice_tls_handshakes_total", "TLS handshakes.", by: "outcome",
      [
        ("full", counters[.handshakes]), ("resumed", counters[.handshakesResumed]),
        ("failed", counters[.handshakeFailures]), ("timeout", counters[.handshakeTimeouts]),
      ])
    metrics.gauge(
      "sluice_tls_certificate_expiry_seconds", "When each certificate ends, in seconds since 1970.", by: "certificate",
      certificates.served.context.certificates.map { ($0.file, Int($0.notAfter)) })
    let counts = certificates.counts
    metrics.counter(
      "sluice_tls_reloads_total", "Certificates read anew.", by: "outcome",
      [("done", counts.reloads), ("failed", counts.failedReloads)])
  }

  private func process(_ metrics: inout Metrics) {
    let usage = ProcessUsage.current
    metrics.gauge("process_resident_memory_bytes", "Resident memory.", usage.residentBytes)
    metrics.counter("process_cpu_seconds_total", "CPU time, user and system.", usage.cpuSeconds)
    metrics.gauge("process_open_fds", "Open file descriptors.", usage.openDescriptors)
    metrics.gauge("process_max_fds", "Most file descriptors.", usage.maxDescriptors)
  }
}
