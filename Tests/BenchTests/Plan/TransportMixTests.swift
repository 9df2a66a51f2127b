import Bench
import GatewayClient
import Testing

struct TransportMixTests {
  @Test func `one transport takes the number of subscribers`() throws {
    #expect(try TransportMix("sse").transports(subscribers: 3, otherwise: 9) == [.sse, .sse, .sse])
    #expect(try TransportMix("poll").transports(subscribers: nil, otherwise: 2) == [.poll, .poll])
    #expect(try TransportMix("poll").transports(subscribers: 0, otherwise: 2) == [])
  }

  @Test func `a mix brings its own numbers`() throws {
    let mix = try TransportMix("websocket=2,ndjson=1,poll=0")
    #expect(try mix.transports(subscribers: nil, otherwise: 9) == [.websocket, .websocket, .ndjson])
    #expect(try mix.transports(subscribers: 3, otherwise: 9).count == 3)
    #expect(throws: PlanError("--transport names 3 subscribers and --subscribers 4: leave one of them out")) {
      try mix.transports(subscribers: 4, otherwise: 9)
    }
  }

  @Test func `more subscribers than a process can have are refused`() throws {
    for text in ["sse", "sse=1000000,poll=1"] {
      #expect(throws: PlanError("at most 1000000 subscribers: run the bench on several machines for more")) {
        try TransportMix(text).transports(subscribers: 1_000_001, otherwise: 9)
      }
    }
  }

  @Test(arguments: [
    ("carrier-pigeon", "\"carrier-pigeon\" is not a transport: there are websocket, sse, ndjson, poll"),
    ("", "\"\" is not a transport: there are websocket, sse, ndjson, poll"),
    ("sse=few", "\"few\" is not a number of subscribers: write sse=500"),
    ("sse=-1", "\"-1\" is not a number of subscribers: write sse=500"),
    ("sse=1000001", "\"1000001\" is not a number of subscribers: write sse=500"),
    ("sse=1,sse=2", "sse is named twice in --transport"),
    ("sse,poll", "several transports need a number each: websocket=500,sse=300"),
  ])
  func `a mistake is named`(text: String, says: String) {
    #expect(throws: PlanError(says)) { try TransportMix(text) }
  }
}
