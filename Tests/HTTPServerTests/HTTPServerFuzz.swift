import HTTPSyntax
import HTTPServer
import NIOCore

/// Feeds bytes to the request parser, split as the first byte says, and checks what must hold for any input: it never
/// traps, ends, gives out no more body than came in, and judges alike however the bytes are split.
func requestParserFuzzTarget(_ input: [UInt8]) {
  guard let first = input.first else { return }
  let bytes = Array(input.dropFirst())
  let whole = outcome(of: bytes, step: max(bytes.count, 1))
  let split = outcome(of: bytes, step: Int(first % 16) + 1)
  precondition(whole == split, "the outcome depends on how the bytes are split")
}

private struct Outcome: Equatable {
  var heads: [RequestHead] = []
  var body: [UInt8] = []
  var ends = 0
  var failed = false
}

private func outcome(of bytes: [UInt8], step: Int) -> Outcome {
  var parser = RequestParser(limits: RequestParser.Limits())
  var outcome = Outcome()
  var index = 0
  do throws(HTTPSyntaxError) {
    while index < bytes.count {
      let end = min(index + step, bytes.count)
      parser.receive(ByteBuffer(bytes: bytes[index..<end]))
      index = end
      while let event = try parser.next() {
        switch event {
        case .head(let head): outcome.heads.append(head)
        case .body(let part): outcome.body += Array(part.readableBytesView)
        case .end: outcome.ends += 1
        }
      }
    }
  } catch {
    outcome.failed = true
  }
  precondition(outcome.body.count <= bytes.count)
  precondition(outcome.ends <= outcome.heads.count)
  return outcome
}
