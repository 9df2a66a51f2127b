/// Names that nobody else has: of epochs and of connections.
package enum RandomName {
  private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

  /// - Parameter count: characters, of 5 bits each; at most 12.
  package static func make(_ count: Int, using generator: inout some RandomNumberGenerator) -> String {
    precondition(count <= 12, "one random number has the bits of 12 characters")
    var bits = generator.next()
    var name: [UInt8] = []
    for _ in 0..<count {
      name.append(alphabet[Int(bits & 31)])
      bits >>= 5
    }
    return String(decoding: name, as: UTF8.self)
  }
}
