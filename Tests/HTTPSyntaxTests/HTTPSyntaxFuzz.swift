import HTTPSyntax
import NIOCore

/// Feeds bytes to the response parser, and traps if a rule is broken that holds for any input: the parser ends, returns
/// no more body than it received, returns its events in order, and returns the same events however the bytes are split.
/// A fuzzer's executable compiles this file as it is.
///
/// The lowest bit of the first byte chooses the request's method, the next one whether the connection ends behind the
/// bytes, and the others how the bytes are split.
func responseParserFuzzTarget(_ input: [UInt8]) {
  guard let options = input.first else { return }
  let bytes = Array(input.dropFirst())
  let whole = FuzzOutcome(bytes, options, step: max(bytes.count, 1))
  let split = FuzzOutcome(bytes, options, step: Int(options >> 2) % 16 + 1)
  precondition(whole == split, "the outcome depends on how the bytes are split")
}

private struct FuzzOutcome: Equatable {
  var head: ResponseHead?
  var body: [UInt8] = []
  var hasEnded = false
  var error: HTTPSyntaxError?

  init(_ bytes: [UInt8], _ options: UInt8, step: Int) {
    var parser = ResponseParser(to: options & 1 == 0 ? .GET : .HEAD)
    do throws(HTTPSyntaxError) {
      for start in stride(from: 0, to: bytes.count, by: step) {
        parser.receive(ByteBuffer(bytes: bytes[start..<min(start + step, bytes.count)]))
        try take(&parser)
      }
      if options & 2 != 0 {
        parser.receiveEnd()
        try take(&parser)
        precondition(hasEnded, "a connection's end neither ended the response nor was an error")
      }
    } catch {
      self.error = error
    }
    precondition(body.count <= bytes.count, "more body than bytes")
    precondition(head?.framing != BodyFraming.none || body.isEmpty, "a body where there is none")
  }

  private mutating func take(_ parser: inout ResponseParser) throws(HTTPSyntaxError) {
    while let event = try parser.next() {
      precondition(!hasEnded, "an event behind the end")
      switch event {
      case .head(let head):
        precondition(self.head == nil, "a second head")
        self.head = head
      case .body(let bytes):
        precondition(head != nil && bytes.readableBytes > 0, "a body before the head, or an empty one")
        body += Array(bytes.readableBytesView)
      case .end:
        precondition(head != nil, "an end before the head")
        hasEnded = true
      }
    }
  }
}
