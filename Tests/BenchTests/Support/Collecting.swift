import Bench

/// Keeps what a scanner finds, as text.
struct Collecting: ObjectTaker {
  var objects: [String] = []

  mutating func take(_ object: UnsafeRawBufferPointer) { objects.append(String(decoding: object, as: UTF8.self)) }
}

/// Feeds `bytes` to a fresh scanner in every way they can be cut in two, byte by byte, and whole.
///
/// - Parameters:
///   - feed: hands on one piece.
///   - check: looks at what the scanner found in all of them.
func forEverySplit<Scanner>(
  of bytes: [UInt8], _ fresh: () -> Scanner,
  feed: (inout Scanner, UnsafeRawBufferPointer, inout Collecting) throws -> Void,
  check: (Scanner, [String]) -> Void
) throws {
  let cuts = (0..<bytes.count).map { [bytes[..<$0], bytes[$0...]] } + [bytes.indices.map { bytes[$0...$0] }]
  for pieces in cuts {
    var scanner = fresh()
    var found = Collecting()
    for piece in pieces { try piece.withUnsafeBytes { try feed(&scanner, $0, &found) } }
    check(scanner, found.objects)
  }
}

/// The chunked coding of `pieces`, a chunk each, without the last one.
func chunked(_ pieces: [String]) -> [UInt8] {
  pieces.flatMap { Array("\(String($0.utf8.count, radix: 16))\r\n\($0)\r\n".utf8) }
}
