import Configuration
import Gateway
import GatewayClient
import Testing
import WireFormat

extension OverSockets {
  @Suite(.serialized) struct WebSocketCommandTests {
    private func open(_ gateway: TestGateway, _ reading: Reading) async throws -> Reader {
      try await Reader.open(.websocket, gateway.url, reading)
    }

    /// Everyone's live messages wait behind the new subscription's backlog, and each comes exactly once.
    @Test(.timeLimit(.minutes(10)))
    func `subscribing later from an older position at full speed loses and repeats nothing`() async throws {
      try await withGateway {
        $0.history.messages = 1_000_000
      } _: { gateway in
        let since = try await gateway.publish("early", "0")
        try await gateway.publish("later", 1...500)
        let reader = try await open(gateway, Reading("live"))
        let pace = Pace()
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            try await withThrowingTaskGroup(of: Void.self) { both in
              both.addTask { try await pace.publish(to: "live", of: gateway) }
              both.addTask { try await pace.publish(to: "later", of: gateway) }
              try await both.waitForAll()
            }
          }
          var live = 0
          while live < 200 {
            let item = try await reader.next()
            #expect(item.topic == "live" && item.seq == live + 1, "\(item)")
            live = item.seq
          }
          reader.socket.send(#"{"type":"subscribe","topics":["later"],"since":"\#(since)","ref":7}"#)
          var later = 0
          var subscribed = false
          var caughtUp = false
          var lastID: UInt64 = 0
          while !caughtUp || later < 4000 || live < 2000 {
            let item = try await reader.any()
            switch item.kind {
            case "subscribed":
              #expect(!subscribed && later == 0 && item.ref == 7 && item.id == since, "\(item)")
              #expect(item.text == #"{"type":"subscribed","topics":["later"],"id":"\#(since)","ref":7}"#)
              subscribed = true
              lastID = item.offset
            case "caught_up":
              #expect(subscribed && !caughtUp && item.ref == 7 && item.offset >= lastID, "\(item)")
              caughtUp = true
              lastID = item.offset
            case "message":
              #expect(item.offset > lastID, "\(item) after \(lastID)")
              lastID = item.offset
              if item.topic == "live" {
                #expect(item.seq == live + 1, "\(item)")
                live = item.seq
              } else {
                #expect(subscribed && item.seq == later + 1, "\(item)")
                later = item.seq
              }
              pace.read(min(live, max(later - 500, 0)))
            case "heartbeat": break
            default: Issue.record("\(item)")
            }
          }
          pace.stop()
          try await group.waitForAll()
        }
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a subscribe from now on is answered and begins there`() async throws {
      try await withGateway { gateway in
        let reader = try await open(gateway, Reading())
        try await gateway.publish("t", 1...5)
        reader.socket.send(#"{"type":"subscribe","topics":["t","u.*"],"ref":"now"}"#)
        let subscribed = try await reader.any()
        #expect(subscribed.text == #"{"type":"subscribed","topics":["t","u.*"],"id":"\#(gateway.head)","ref":"now"}"#)
        let id = try await gateway.publish("u.x", "1")
        let item = try await reader.next()
        #expect(item.id == id && item.topic == "u.x")
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a subscribe with a rewind brings the last of each topic`() async throws {
      try await withGateway { gateway in
        try await gateway.publish("t", 1...20)
        let reader = try await open(gateway, Reading("other"))
        reader.socket.send(#"{"type":"subscribe","topics":["t"],"rewind":2,"ref":1}"#)
        #expect(try await reader.any().kind == "subscribed")
        #expect(try await reader.next(2).map(\.seq) == [19, 20])
        #expect(try await reader.any().text == #"{"type":"caught_up","id":"\#(gateway.head)","ref":1}"#)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a subscribe with an unknown position is one epoch gap`() async throws {
      try await withGateway { gateway in
        let last = try await gateway.publish("t", 1...3)
        let reader = try await open(gateway, Reading("other"))
        reader.socket.send(#"{"type":"subscribe","topics":["t"],"since":"nowhere-1","ref":1}"#)
        #expect(try await reader.any().kind == "subscribed")
        let gap = try await reader.any()
        #expect(gap.isGap && gap.reason == "epoch" && gap.after == nil, "\(gap)")
        #expect(try await reader.upTo(last).map(\.seq) == [1, 2, 3])
        #expect(try await reader.any().kind == "caught_up")
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `unsubscribing ends a topic and nothing else`() async throws {
      try await withGateway { gateway in
        let reader = try await open(gateway, Reading("a", "b"))
        reader.socket.send(#"{"type":"unsubscribe","topics":["a"],"ref":2}"#)
        #expect(try await reader.any().text == #"{"type":"unsubscribed","topics":["a"],"ref":2}"#)
        try await gateway.publish("a", "1")
        let id = try await gateway.publish("b", "1")
        #expect(try await reader.any().id == id)
        // What was never subscribed is unsubscribed too.
        reader.socket.send(#"{"type":"unsubscribe","topics":["never"],"ref":3}"#)
        #expect(try await reader.any().ref == 3)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a publish is answered with its id, and once for a key`() async throws {
      try await withGateway { gateway in
        let reader = try await open(gateway, Reading())
        let publish =
          #"{"type":"publish","topic":"t","data":{ "a": 1 },"event":"made","key":"k1","ref":3}"#
        reader.socket.send(publish)
        let first = try await reader.any()
        #expect(first.text == #"{"type":"published","id":"\#(gateway.id(1))","seq":1,"ref":3}"#)
        reader.socket.send(publish)
        #expect(try await reader.any().text == first.text)
        let history = try await gateway.call("GET", "/v1/topics/t/messages").elements("items")
        #expect(history.count == 1 && history[0].hasSuffix(#""event":"made","data":{"a":1}}"#))
        // What it publishes comes back if it reads it.
        reader.socket.send(#"{"type":"subscribe","topics":["t"],"ref":4}"#)
        #expect(try await reader.any().kind == "subscribed")
        reader.socket.send(#"{"type":"publish","topic":"t","data":2,"ref":5}"#)
        let both = [try await reader.any(), try await reader.any()]
        #expect(Set(both.map(\.kind)) == ["message", "published"] && Set(both.map(\.id)) == [gateway.id(2)])
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a ping is answered with the position`() async throws {
      try await withGateway { gateway in
        let reader = try await open(gateway, Reading("t"))
        let id = try await gateway.publish("other", "1")
        try await eventually("the position") {
          reader.socket.send(#"{"type":"ping","ref":5}"#)
          return try await reader.any().text == #"{"type":"heartbeat","id":"\#(id)","ref":5}"#
        }
      }
    }

    @Test(
      .timeLimit(.minutes(10)),
      arguments: [
        ("hello", "invalid-json", 400, nil), ("[]", "invalid-command", 400, nil), ("", "invalid-json", 400, nil),
        (#"{"ref":1}"#, "invalid-command", 400, 1), (#"{"type":"subscibe","ref":2}"#, "invalid-command", 400, 2),
        (#"{"type":"subscribe","ref":3}"#, "missing-parameter", 400, 3),
        (#"{"type":"subscribe","topics":[],"ref":4}"#, "invalid-parameter", 400, 4),
        (#"{"type":"subscribe","topics":["a..b"],"ref":5}"#, "invalid-pattern", 400, 5),
        (#"{"type":"subscribe","topics":["a"],"from":1,"ref":6}"#, "unknown-parameter", 400, 6),
        (#"{"type":"subscribe","topics":["a"],"rewind":-1,"ref":7}"#, "invalid-parameter", 400, 7),
        (#"{"type":"subscribe","topics":["a","b","c","d"],"ref":8}"#, "too-many-topics", 400, 8),
        (#"{"type":"publish","topic":"t","ref":9}"#, "missing-parameter", 400, 9),
        (#"{"type":"publish","data":1,"ref":10}"#, "missing-parameter", 400, 10),
        (#"{"type":"publish","topic":"a.*.","data":1,"ref":11}"#, "invalid-topic", 400, 11),
        (#"{"type":"publish","topic":"$sys.x","data":1,"ref":12}"#, "reserved-topic", 403, 12),
        (#"{"type":"publish","topic":"t","data":1,"event":"gap","ref":13}"#, "invalid-event", 400, 13),
        (#"{"type":"publish","topic":"t","data":1,"key":"","ref":14}"#, "invalid-parameter", 400, 14),
        (#"{"type":"publish","topic":"t","data":1,"if_last":null,"ref":15}"#, "unknown-parameter", 400, 15),
        (
          #"{"type":"publish","topic":"t","data":"\#(String(repeating: "x", count: 2000))","ref":16}"#,
          "message-too-large", 413, 16
        ),
        (#"{"type":"unsubscribe","ref":17}"#, "missing-parameter", 400, 17),
        (#"{"type":"auth","ref":18}"#, "missing-parameter", 400, 18),
        (#"{"type":"auth","token":"x","ref":19}"#, "invalid-command", 400, 19),
        (#"{"type":"ping","ref":{}}"#, "invalid-parameter", 400, nil),
        (#"{"type":"ping","ref":20,"x":1}"#, "unknown-parameter", 400, 20),
      ] as [(String, String, Int, Int?)])
    func `a command that cannot be followed is refused by name and the connection goes on`(
      command: String, code: String, status: Int, ref: Int?
    ) async throws {
      try await withGateway {
        $0.limits.topicsPerSubscriber = 3
        $0.limits.messageBytes = 1000
      } _: { gateway in
        let reader = try await open(gateway, Reading())
        reader.socket.send(command)
        let error = try await reader.any()
        #expect(error.kind == "error" && error.code == code && error.ref == ref, "\(error)")
        #expect(error.object.integer("status") == Int64(status) && error.object.string("detail")?.isEmpty == false)
        reader.socket.send(#"{"type":"ping","ref":99}"#)
        let pong = try await reader.any()
        #expect(pong.kind == "heartbeat" && pong.ref == 99)
        #expect(gateway.head == gateway.id(0))
      }
    }
  }
}
