package import NIOCore

/// One word of a command.
package enum RedisArgument: Sendable, Equatable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  case text(String)
  case bytes([UInt8])
  case integer(Int64)

  package init(stringLiteral text: String) { self = .text(text) }
  package init(integerLiteral number: Int64) { self = .integer(number) }
}

extension ByteBuffer {
  /// A command as the server reads it: an array of bulks.
  package mutating func writeCommand(_ command: [RedisArgument]) {
    writeRESPHead(UInt8(ascii: "*"), command.count)
    for argument in command {
      switch argument {
      case .text(let text):
        writeRESPHead(UInt8(ascii: "$"), text.utf8.count)
        writeString(text)
      case .bytes(let bytes):
        writeRESPHead(UInt8(ascii: "$"), bytes.count)
        writeBytes(bytes)
      case .integer(let number):
        let text = String(number)
        writeRESPHead(UInt8(ascii: "$"), text.utf8.count)
        writeString(text)
      }
      writeStaticString("\r\n")
    }
  }

  /// A type, a length and the end of the line, without a string in between: there are two dozen in a publish.
  private mutating func writeRESPHead(_ type: UInt8, _ length: Int) {
    // 20 digits are the most that 64 bits have.
    writeWithUnsafeMutableBytes(minimumWritableBytes: 24) { space in
      var digits = 1
      var power = 10
      while length >= power {
        digits += 1
        power *= 10
      }
      space[0] = type
      var rest = length
      for index in stride(from: digits, to: 0, by: -1) {
        space[index] = UInt8(ascii: "0") + UInt8(rest % 10)
        rest /= 10
      }
      space[digits + 1] = UInt8(ascii: "\r")
      space[digits + 2] = UInt8(ascii: "\n")
      return digits + 3
    }
  }
}
