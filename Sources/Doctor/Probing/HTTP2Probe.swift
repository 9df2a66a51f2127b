import GatewayClient
import NIOCore

extension ExaminationPlan {
  /// - Parameters:
  ///   - chosen: by ALPN, of h2 and http/1.1.
  ///   - offered: by the gateway.
  func probeHTTP2(chosen: String?, offered: [StreamTransport]) async throws -> HTTP2Measurement {
    guard url.isSecure else { return .clearText }
    guard chosen == "h2" else { return .notChosen(chosen) }
    do {
      let client = try await HTTP2Client.connect(to: url, timeout: patience)
      defer { client.close() }
      return .spoken(try await probeStreams(client, offered))
    } catch let error as GatewayClientError {
      return .failed(error)
    }
  }

  private func probeStreams(
    _ client: HTTP2Client, _ offered: [StreamTransport]
  ) async throws -> HTTP2Measurement.Spoken {
    var spoken = HTTP2Measurement.Spoken(
      offered.first { $0 == .sse } ?? offered.first { $0 == .ndjson }, patience: patience)
    spoken.triesWebSocket = offered.contains(.websocket)
    let credentials = token.map { [(name: "authorization", value: "Bearer \($0)")] } ?? []
    var query = QueryString()
    query.add("topic", topic)
    let target = url.appending(query.appended(to: "/v1/stream"))
    if let stream = spoken.stream {
      let type = stream == .sse ? "text/event-stream" : "application/x-ndjson"
      (spoken.hello, spoken.streamFailure) = try await hello(
        client.open("GET", target, headers: credentials + [(name: "accept", value: type)]))
    }
    guard spoken.isFlowing, spoken.triesWebSocket else { return spoken }
    spoken.offersWebSockets = try await client.takesWebSockets()
    guard spoken.offersWebSockets else { return spoken }
    let headers = [
      (name: "sec-websocket-version", value: "13"), (name: "sec-websocket-protocol", value: "sluice.v1.json"),
    ]
    (spoken.webSocketHello, spoken.webSocketFailure) = try await hello(
      client.open("CONNECT", target, headers: credentials + headers, protocol: "websocket"))
    return spoken
  }

  /// How long it took until a stream said hello, or why it did not; neither: it was silent.
  private func hello(
    _ answer: AsyncThrowingStream<HTTP2AnswerPart, any Error>
  ) async throws -> (Duration?, GatewayClientError?) {
    let began = ContinuousClock.now
    do {
      let took = try await within(patience) { () -> Duration in
        var bytes: [UInt8] = []
        for try await part in answer {
          switch part {
          case .head(let status, _) where status >= 300:
            throw GatewayClientError.refused(Refusal(status: status, detail: "the answer was \(status)"))
          case .head: break
          case .body(let more):
            bytes += more.readableBytesView
            if String(decoding: bytes, as: UTF8.self).contains("\"hello\"") { return ContinuousClock.now - began }
          }
        }
        throw GatewayClientError.connectionLost("the stream ended")
      }
      return (took, nil)
    } catch let error as GatewayClientError {
      return (nil, error)
    }
  }
}
