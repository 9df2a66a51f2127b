import Configuration
import Gateway
import Testing
import WebSocket

extension OverSockets {
  @Suite(.serialized) struct EchoTests {
    private static let path = "/v1/diagnostics/echo"

    @Test(.timeLimit(.minutes(10)))
    func `the echo is off if nobody asked for it`() async throws {
      try await withGateway { gateway in
        let answer = try await gateway.call("GET", Self.path, headers: Socket.upgrade)
        #expect(answer.status == 404 && answer.code == "not-found")
      }
    }

    @Test(.timeLimit(.minutes(10)), arguments: [0, 1, 125, 126, 65_535, 65_536, 1 << 20, 16 << 20], [false, true])
    func `text and binary of any length come back`(count: Int, deflates: Bool) async throws {
      try await withGateway {
        $0.diagnostics.echo = true
      } _: { gateway in
        let socket = try await Socket.open(gateway.url, Self.path, deflates: deflates)
        let text = String(repeating: "a", count: count)
        socket.send(text)
        guard case .text(let bytes)? = try await socket.next() else { throw Silence(description: "no text") }
        #expect(bytes == Array(text.utf8))
        let binary = [UInt8](repeating: 0xff, count: count)
        socket.send(binary: binary)
        guard case .binary(let back)? = try await socket.next() else { throw Silence(description: "no binary") }
        #expect(back == binary)
      }
    }

    @Test(.timeLimit(.minutes(10)), arguments: [1, 7, 4096])
    func `a message in fragments comes back whole, with a ping in between`(size: Int) async throws {
      try await withGateway {
        $0.diagnostics.echo = true
      } _: { gateway in
        let socket = try await Socket.open(gateway.url, Self.path)
        let message = (0..<max(20_000, size * 3)).map { UInt8($0 % 251) }
        var frames: [UInt8] = []
        var index = 0
        while index < message.count {
          let end = min(index + size, message.count)
          let header = FrameHeader(
            fin: end == message.count, opcode: index == 0 ? .binary : .continuation, payloadLength: end - index,
            mask: MaskingKey(wire: 0x0102_0304))
          message[index..<end].withUnsafeBytes { WebSocketFrame.append(header, $0, to: &frames) }
          if index == 0 { WebSocketFrame.ping([9], mask: MaskingKey(wire: 7), to: &frames) }
          index = end
        }
        socket.http.wire.send(frames)
        guard case .pong([9])? = try await socket.next() else { throw Silence(description: "no pong") }
        guard case .binary(let back)? = try await socket.next() else { throw Silence(description: "no message") }
        #expect(back == message)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `more than 16 MiB is too big`() async throws {
      try await withGateway {
        $0.diagnostics.echo = true
      } _: { gateway in
        let socket = try await Socket.open(gateway.url, Self.path)
        // The header alone is enough: 16 MiB and one byte are announced.
        let header: [UInt8] = [0x82, 0xff, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1]
        socket.http.wire.send(header)
        #expect(try await socket.closing()?.code == 1009)
      }
    }
  }
}
