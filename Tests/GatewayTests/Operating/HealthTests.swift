import Configuration
import Gateway
import GatewayClient
import Testing

extension OverSockets {
  @Suite(.serialized) struct HealthTests {
    @Test(.timeLimit(.minutes(10)))
    func `a gateway that serves is live, ready and accepts`() async throws {
      try await withGateway { gateway in
        for path in ["live", "ready", "accept"] {
          let answer = try await gateway.admin("GET", "/health/\(path)")
          #expect(answer.status == 200 && answer.text == #"{"status":"ok"}"#)
        }
        let wrong = try await gateway.admin("POST", "/health/live")
        #expect(wrong.status == 405 && wrong["Allow"] == "GET, HEAD")
        #expect(try await gateway.admin("GET", "/health").status == 404)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a gateway with all its connections is ready but accepts none`() async throws {
      try await withGateway {
        $0.limits.connections = 2
      } _: { gateway in
        var held: [HTTPWire] = []
        for _ in 0..<2 {
          held.append(try await HTTPWire.connect(to: gateway.url))
          #expect(try await held[held.count - 1].call("GET", "/v1/negotiate").status == 200)
        }
        let answer = try await gateway.admin("GET", "/health/accept")
        #expect(answer.status == 503 && answer.text == #"{"status":"connections"}"#)
        #expect(try await gateway.admin("GET", "/health/ready").status == 200)
        try await held[0].wire.close()
        try await eventually("room") { try await gateway.admin("GET", "/health/accept").status == 200 }
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `metrics are text that a scraper reads, and they move`() async throws {
      try await withGateway {
        $0.history.messages = 5
      } _: { gateway in
        let answer = try await gateway.admin("GET", "/metrics")
        #expect(answer.status == 200 && answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
        let before = try PrometheusText(answer.text)
        #expect(before.families.count > 25)

        var readers: [Reader] = []
        for kind in StreamTransport.allCases {
          readers.append(
            try await Reader.open(kind, gateway.url, Reading("m", more: kind == .poll ? [("wait", "60")] : [])))
        }
        let id = try await gateway.call(
          "POST", "/v1/topics/m/messages", headers: [("Content-Type", "application/json"), ("Idempotency-Key", "k")],
          body: "[1,2]"
        ).string("id")
        for reader in readers { #expect(try await reader.next().id == id) }
        _ = try await gateway.call(
          "POST", "/v1/topics/m/messages", headers: [("Content-Type", "application/json"), ("Idempotency-Key", "k")],
          body: "[1,2]")
        _ = try await gateway.call(
          "POST", "/v1/topics/m/messages", headers: [("Content-Type", "application/json"), ("If-None-Match", "*")],
          body: "1")
        try await gateway.publish("n", 1...20)
        let gaps = try await Reader.open(.ndjson, gateway.url, Reading("m", since: "unknown-1"))
        #expect(try await gaps.next().isGap)
        _ = try await gaps.next("caught_up")

        let after = try PrometheusText(try await gateway.admin("GET", "/metrics").text)
        func moved(_ name: String) throws -> Double { try after.value(name) - before.value(name) }
        #expect(try moved("sluice_messages_published_total") == 1)
        #expect(try moved("sluice_published_bytes_total") == 5)
        #expect(try moved("sluice_publishes_repeated_total") == 1)
        #expect(try moved("sluice_publishes_refused_total") == 1)
        #expect(try moved("sluice_deliveries_total") == 5)
        #expect(try moved("sluice_messages_held") == 6)
        #expect(try moved("sluice_messages_dropped_total{reason=\"retention\"}") == 15)
        #expect(try moved("sluice_topics") == 2)
        #expect(try moved("sluice_idempotency_keys") == 1)
        #expect(try moved("sluice_gaps_total{reason=\"epoch\"}") == 1)
        #expect(try moved("sluice_resumes_total{outcome=\"unknown_epoch\"}") == 1)
        #expect(try moved("sluice_connections{transport=\"websocket\"}") == 1)
        #expect(try moved("sluice_connections{transport=\"sse\"}") == 1)
        #expect(try moved("sluice_connections{transport=\"ndjson\"}") == 2)
        #expect(try moved("sluice_connections_opened_total{transport=\"ndjson\"}") == 2)
        #expect(try moved("sluice_subscriptions") == 4)
        #expect(try moved("sluice_publish_to_write_seconds_count") > 0)
        #expect(try moved("sluice_http_requests_total") >= 8)
        #expect(try moved("sluice_memory_bytes") > 0)
        #expect(try after.value("sluice_memory_limit_bytes") == Double(1 << 30))
        #expect(try after.value("process_open_fds") > 10 && after.value("process_resident_memory_bytes") > 1e6)
        #expect(try after.value("sluice_draining") == 0)
        withExtendedLifetime(readers) {}
      }
    }
  }
}
