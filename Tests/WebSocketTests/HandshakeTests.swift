import TestSupport
import Testing
import WebSocket

/// The opening handshake's values (RFC 6455 section 4).
struct HandshakeTests {
  @Test func `the RFC's key has the RFC's answer`() throws {
    #expect(WebSocketHandshake.acceptKey(for: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    try WebSocketHandshake.checkAccept(["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="], for: "dGhlIHNhbXBsZSBub25jZQ==")
  }

  /// As Python's hashlib has it, over the key and the RFC's identifier: the lengths reach every
  /// padding, one block and two and three.
  @Test(
    arguments: [
      (String(repeating: "k", count: 0), "Kfh9QIsMVZcl6xEPYxPHzW8SZ8w="),
      (String(repeating: "k", count: 1), "cai0HFWL7DEHZkyHxdyv1Pn3R6M="),
      (String(repeating: "k", count: 18), "qChxkF3JDYNASeew3saQqqTWi7o="),
      (String(repeating: "k", count: 19), "tWclcP21hrR+xgjYVswtQRW71GQ="),
      (String(repeating: "k", count: 20), "tSsjsIAvEVIQ+IC5K8+T/OkG8nU="),
      (String(repeating: "k", count: 27), "qUNe7W8rvas6tQS5F4QBTf/JpvE="),
      (String(repeating: "k", count: 28), "x9bmfLYIxLMaaT5h0sFuRlAhhb8="),
      (String(repeating: "k", count: 29), "23YR1Db+zw7wlQpr5c9wffHlaIs="),
      (String(repeating: "k", count: 83), "c8WQ7edrEIKQKdUK6YpbGv6/vjc="),
      (String(repeating: "k", count: 92), "LY9EluoxzTck+ySKVLqXrQNaqCc="),
      (String(repeating: "k", count: 93), "OlyDH6wkbrkWbIFLI9V2r4u7Uus="),
    ])
  func `a digest is right at every padding`(key: String, accept: String) {
    #expect(WebSocketHandshake.acceptKey(for: key) == accept)
  }

  @Test(arguments: ["dGhlIHNhbXBsZSBub25jZQ==", "AAAAAAAAAAAAAAAAAAAAAA==", "+/+/+/+/+/+/+/+/+/+/+w=="])
  func `a key is 16 bytes as base64`(key: String) throws {
    #expect(try WebSocketHandshake.key(in: [key]) == key)
  }

  @Test(
    arguments: [
      "", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZWU=",
      "dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j-_==", "dGhlIHNhbXBsZSBub25j Q==",
      "dGhlIHNhbXBsZSBub25jé==", "dGhlIHNhbXBsZSBub25=ZQ==",
    ])
  func `another key is refused`(key: String) {
    #expect(throws: HandshakeError.invalidKey(key)) { try WebSocketHandshake.key(in: [key]) }
  }

  @Test func `a request has one key`() {
    #expect(throws: HandshakeError.missingKey) { try WebSocketHandshake.key(in: []) }
    let key = "dGhlIHNhbXBsZSBub25jZQ=="
    #expect(throws: HandshakeError.repeatedKey) { try WebSocketHandshake.key(in: [key, key]) }
    #expect(HandshakeError.missingKey.status == 400)
    #expect(HandshakeError.missingKey.header == nil)
  }

  @Test(arguments: [[], ["8"], ["14"], ["013"], ["13, 8"], ["13", "13"], [""]] as [[String]])
  func `another version is told ours`(lines: [String]) throws {
    let error = #expect(throws: HandshakeError.self) { try WebSocketHandshake.checkVersion(lines) }
    #expect(error == .unsupportedVersion(lines.isEmpty ? nil : lines.joined(separator: ", ")))
    #expect(error?.status == 426)
    let header = try #require(error?.header)
    #expect(header == ("Sec-WebSocket-Version", "13"))
  }

  @Test func `version 13 is ours`() throws {
    try WebSocketHandshake.checkVersion(["13"])
  }

  @Test(
    arguments: [
      (["sluice.v1.json"], "sluice.v1.json"), (["b, sluice.v1.json ,a"], "sluice.v1.json"), (["x", "a"], "a"),
      (["a, sluice.v1.json"], "a"), (["Sluice.V1.JSON"], nil), ([], nil), ([" , ,"], nil),
    ] as [([String], String?)])
  func `the client's first subprotocol that we have is chosen`(lines: [String], chosen: String?) throws {
    #expect(try WebSocketHandshake.chooseSubprotocol(offered: lines, from: ["sluice.v1.json", "a"]) == chosen)
  }

  @Test func `what is not a list of subprotocols is an error`() {
    #expect(throws: HandshakeError.invalidHeader(field: "Sec-WebSocket-Protocol", value: "a b, c")) {
      try WebSocketHandshake.chooseSubprotocol(offered: ["a b", "c"], from: ["c"])
    }
  }

  @Test(
    arguments: [
      (["Upgrade"], ["websocket"], true), (["keep-alive, Upgrade"], ["WebSocket"], true),
      (["keep-alive", "\tUPGRADE "], ["h2c, websocket"], true), (["keep-alive"], ["websocket"], false),
      (["Upgrade"], ["h2c"], false), ([], ["websocket"], false), (["Upgrade"], [], false),
      (["Upgrades"], ["websocket"], false), (["Upgrade"], ["websocket2"], false),
      (["not Upgrade"], ["websocket"], false),
    ] as [([String], [String], Bool)])
  func `Connection and Upgrade are lists in any case`(connection: [String], upgrade: [String], asks: Bool) {
    #expect(WebSocketHandshake.isUpgrade(connection: connection, upgrade: upgrade) == asks)
  }

  @Test func `a client's keys are valid and differ`() {
    var generator = SeededGenerator(seed: 5)
    let keys = (0..<16).map { _ in WebSocketHandshake.generateKey(using: &generator) }
    #expect(keys.allSatisfy(WebSocketHandshake.isValidKey))
    #expect(Set(keys).count == 16)
  }

  @Test func `a client refuses another's answer`() {
    let key = "dGhlIHNhbXBsZSBub25jZQ=="
    #expect(throws: HandshakeError.wrongAccept(nil)) { try WebSocketHandshake.checkAccept([], for: key) }
    #expect(throws: HandshakeError.wrongAccept("s3pPLMBiTxaQ9kYGzzhZRbK+xOO=")) {
      try WebSocketHandshake.checkAccept(["s3pPLMBiTxaQ9kYGzzhZRbK+xOO="], for: key)
    }
  }
}
