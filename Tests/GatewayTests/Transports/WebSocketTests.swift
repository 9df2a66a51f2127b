import Configuration
import Gateway
import Testing
import WebSocket

extension OverSockets {
  @Suite(.serialized) struct WebSocketTests {
    @Test(.timeLimit(.minutes(10)), arguments: [false, true])
    func `the handshake is answered and hello comes first`(offersSubprotocol: Bool) async throws {
      try await withGateway { gateway in
        let socket = try await Socket.open(
          gateway.url, "/v1/stream?topic=t",
          headers: offersSubprotocol ? [("Sec-WebSocket-Protocol", "other, sluice.v1.json")] : [])
        #expect(socket.handshake["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(socket.handshake["Sec-WebSocket-Protocol"] == (offersSubprotocol ? "sluice.v1.json" : nil))
        #expect(socket.handshake["Sec-WebSocket-Extensions"] == nil)
        let hello = try await socket.item()
        #expect(hello?.text.hasPrefix(#"{"type":"hello","id":"\#(gateway.head)","heartbeat":25,"session":""#) == true)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `silence brings a heartbeat and a ping, and who answers none is closed`() async throws {
      try await withGateway {
        $0.heartbeat.websocket = .seconds(1)
        $0.limits.pongTime = .seconds(1)
      } _: { gateway in
        let good = try await Socket.open(gateway.url, "/v1/stream?topic=t")
        let bad = try await Socket.open(gateway.url, "/v1/stream?topic=t")
        bad.answersPings = false
        #expect(try await good.item()?.kind == "hello")
        let id = try await gateway.publish("other", "1")
        #expect(try await good.item()?.text == #"{"type":"heartbeat","id":"\#(id)"}"#)
        guard case .ping? = try await good.next() else { throw Silence(description: "no ping") }
        let closing = try await bad.closing()
        #expect(closing?.code == 4001 && closing?.reason == "no pong within 1 s")
        // The one that answers is there much longer than that.
        for _ in 0..<3 {
          #expect(try await good.item()?.kind == "heartbeat")
        }
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a ping is answered with its payload and a close with its code`() async throws {
      try await withGateway { gateway in
        let socket = try await Socket.open(gateway.url, "/v1/stream?topic=t")
        _ = try await socket.item()
        socket.ping([1, 2, 3])
        guard case .pong(let payload)? = try await socket.next() else { throw Silence(description: "no pong") }
        #expect(payload == [1, 2, 3])
        socket.close(1000)
        let closing = try await socket.closing()
        #expect(closing?.code == 1000)
        #expect(try await socket.next() == nil)
        try await eventually("no websocket") {
          try await gateway.metric(#"sluice_connections{transport="websocket"}"#) == 0
        }
      }
    }

    struct Breach: CustomTestStringConvertible {
      var testDescription: String
      var code: UInt16
      var frame: [UInt8]
    }

    static let breaches = [
      Breach(testDescription: "an unmasked frame", code: 1002, frame: [0x81, 0x02, 0x7b, 0x7d]),
      Breach(testDescription: "a reserved bit", code: 1002, frame: [0xc1, 0x80, 0, 0, 0, 0]),
      Breach(testDescription: "an unknown opcode", code: 1002, frame: [0x83, 0x80, 0, 0, 0, 0]),
      Breach(testDescription: "a fragmented ping", code: 1002, frame: [0x09, 0x80, 0, 0, 0, 0]),
      Breach(testDescription: "a continuation of nothing", code: 1002, frame: [0x80, 0x80, 0, 0, 0, 0]),
      Breach(testDescription: "a close of one byte", code: 1002, frame: [0x88, 0x81, 0, 0, 0, 0, 3]),
      Breach(
        testDescription: "a close code that may not be sent", code: 1002, frame: [0x88, 0x82, 0, 0, 0, 0, 3, 0xed]),
      Breach(testDescription: "text that is not UTF-8", code: 1007, frame: [0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28]),
      Breach(testDescription: "a binary message", code: 1003, frame: [0x82, 0x81, 0, 0, 0, 0, 7]),
      Breach(
        testDescription: "a message past the limit", code: 1009,
        frame: [0x81, 0xff, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0]),
    ]

    @Test(.timeLimit(.minutes(10)), arguments: breaches)
    func `what breaks the framing or the policy is closed with its code`(breach: Breach) async throws {
      try await withGateway { gateway in
        let socket = try await Socket.open(gateway.url, "/v1/stream?topic=t")
        _ = try await socket.item()
        socket.http.wire.send(breach.frame)
        let closing = try await socket.closing()
        #expect(closing?.code == breach.code && closing?.reason.isEmpty == false)
        socket.close(breach.code)
        #expect(try await socket.next() == nil)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `deflate is negotiated and used, and a client without it gets the same message`() async throws {
      try await withGateway { gateway in
        let plain = try await Socket.open(gateway.url, "/v1/stream?topic=t")
        let first = try await Socket.open(gateway.url, "/v1/stream?topic=t", deflates: true)
        let second = try await Socket.open(gateway.url, "/v1/stream?topic=t", deflates: true)
        let answered = first.handshake["Sec-WebSocket-Extensions"] ?? ""
        #expect(answered.contains("server_no_context_takeover") && answered.contains("client_no_context_takeover"))
        var before: [Int] = []
        for socket in [plain, first, second] {
          _ = try await socket.item()
          before.append(socket.receivedBytes)
        }
        let value = "\"\(String(repeating: "the same again ", count: 400))\""
        let pinned = try await gateway.metric("sluice_cached_bytes")
        try await gateway.publish("t", value)
        let texts = [
          try await plain.item()?.text ?? "a", try await first.item()?.text ?? "b",
          try await second.item()?.text ?? "c",
        ]
        #expect(texts[0] == texts[1] && texts[1] == texts[2] && texts[0].contains(value))
        let sizes = [plain, first, second].enumerated().map { $1.receivedBytes - before[$0] }
        #expect(sizes[0] > 6000 && sizes[1] < 300 && sizes[2] == sizes[1])
        // Compressed once: what is kept of it is one copy, however many read it.
        let kept = try await gateway.metric("sluice_cached_bytes") - pinned
        #expect(kept > 0 && kept < Double(sizes[1]) * 1.5 + 64, "\(kept) bytes for \(sizes[1])")
        let third = try await Socket.open(gateway.url, "/v1/stream?topic=t&since=earliest", deflates: true)
        _ = try await third.item()
        #expect(try await third.item()?.text == texts[0])
        #expect(try await gateway.metric("sluice_cached_bytes") - pinned == kept)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `an offer with a smaller server window is passed over for the next`() async throws {
      try await withGateway { gateway in
        let refused = try await Socket.open(
          gateway.url, "/v1/stream?topic=t",
          headers: [("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=10")])
        #expect(refused.handshake["Sec-WebSocket-Extensions"] == nil)
        let second = try await Socket.open(
          gateway.url, "/v1/stream?topic=t",
          headers: [
            ("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=10, permessage-deflate")
          ])
        #expect(second.handshake["Sec-WebSocket-Extensions"]?.hasPrefix("permessage-deflate") == true)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `deflate that is switched off is not negotiated`() async throws {
      try await withGateway {
        $0.compression.websocket = false
      } _: { gateway in
        let socket = try await Socket.open(gateway.url, "/v1/stream?topic=t", deflates: true)
        #expect(socket.handshake["Sec-WebSocket-Extensions"] == nil)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a compressed command is followed`() async throws {
      try await withGateway { gateway in
        let socket = try await Socket.open(gateway.url, "/v1/stream", deflates: true)
        _ = try await socket.item()
        var deflated: [UInt8] = []
        let command = Array(#"{"type":"publish","topic":"t","data":"aaaaaaaaaaaaaaaaaaaaaaaa","ref":1}"#.utf8)
        command.withUnsafeBytes { MessageDeflater().compress($0, appendTo: &deflated) }
        socket.send { mask, output in
          deflated.withUnsafeBytes { WebSocketFrame.text($0, rsv1: true, mask: mask, to: &output) }
        }
        #expect(try await socket.item()?.kind == "published")
      }
    }
  }
}
