import WebSocket

/// Feeds bytes from a stranger to everything here that parses, and traps if the same bytes, split in other places,
/// give other events or another error. A fuzzer's executable compiles this file as it is.
///
/// The first byte chooses frames or header values, role, deflate and limit, the second seeds the splits; the rest is
/// what the peer sent.
func webSocketFuzzTarget(_ bytes: UnsafeRawBufferPointer) {
  guard bytes.count >= 2 else { return }
  let sent = UnsafeRawBufferPointer(rebasing: bytes[2...])
  if bytes[0] & 0x80 != 0 { return fuzzHeaders(String(decoding: sent, as: UTF8.self)) }
  let whole = FuzzReading(options: bytes[0], sent) { $0 }
  let single = FuzzReading(options: bytes[0], sent) { _ in 1 }
  precondition(whole == single, "one by one the bytes mean something else")
  var state = UInt32(bytes[1]) | 1
  let random = FuzzReading(options: bytes[0], sent) { rest in
    state = state &* 1_664_525 &+ 1_013_904_223
    return min(rest, Int(state >> 24) % 19 + 1)
  }
  precondition(whole == random, "split otherwise the bytes mean something else")
}

/// What one connection made of the bytes.
private struct FuzzReading: Equatable {
  var events: [WebSocketEvent] = []
  var error: WebSocketError?

  /// - Parameter size: how many of the remaining bytes arrive next.
  init(options: UInt8, _ bytes: UnsafeRawBufferPointer, size: (Int) -> Int) {
    let limit = options & 4 == 0 ? 300 : 1 << 17
    let connection = WebSocketConnection(
      role: options & 1 == 0 ? .server : .client, maxMessageBytes: limit,
      inflater: options & 2 == 0 ? nil : MessageInflater())
    var rest = bytes
    while !rest.isEmpty, error == nil {
      let count = size(rest.count)
      var heard: [WebSocketEvent] = []
      do throws(WebSocketError) {
        try connection.receive(UnsafeRawBufferPointer(rebasing: rest[..<count])) { heard.append($0) }
      } catch {
        self.error = error
      }
      events += heard
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
    check(limit: limit)
  }

  private func check(limit: Int) {
    for (index, event) in events.enumerated() {
      switch event {
      case .message(let kind, let bytes):
        precondition(bytes.count <= limit, "a message is longer than the limit")
        precondition(kind == .binary || String(validating: bytes, as: UTF8.self) != nil, "a text is not UTF-8")
      case .ping(let bytes), .pong(let bytes):
        precondition(bytes.count <= 125, "a control frame is longer than 125 bytes")
      case .close(let code, let reason):
        precondition(index == events.count - 1 && error == nil, "something was heard after a close")
        precondition(code.map(CloseCode.isValidOnTheWire) ?? reason.isEmpty, "a close code that may not be sent")
      }
    }
    if let error { precondition([1002, 1007, 1009].contains(error.closeCode), "an error without a close code") }
  }
}

/// Header values come from strangers too: an error is one of ours, and what a server answers a client accepts.
private func fuzzHeaders(_ value: String) {
  do throws(HandshakeError) {
    if let answer = try PermessageDeflate.answer(to: [value]) {
      let isUnderstood = (try? PermessageDeflate.accept([answer])) == true
      precondition(isUnderstood, "an answer that our client does not understand")
    }
    _ = try PermessageDeflate.accept([value])
  } catch {
    precondition(error.status == 400, "a status that does not fit")
  }
  _ = HeaderTokens.list([value])
  _ = WebSocketHandshake.isUpgrade(connection: [value], upgrade: [value])
  if WebSocketHandshake.isValidKey(value) {
    precondition(WebSocketHandshake.acceptKey(for: value).utf8.count == 28, "an accept value of another length")
  }
}
