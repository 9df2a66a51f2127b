import NIOCore
import RedisClient
import Testing

@Suite struct `A command's bytes` {
  @Test func `are an array of its words`() {
    var buffer = ByteBuffer()
    buffer.writeCommand(["SET", .text("grüß"), .bytes([0, 13, 10]), -12, .integer(.min), ""])
    #expect(
      buffer
        == ByteBuffer(
          bytes: Array("*6\r\n$3\r\nSET\r\n$6\r\ngrüß\r\n$3\r\n".utf8) + [0, 13, 10]
            + Array("\r\n$3\r\n-12\r\n$20\r\n-9223372036854775808\r\n$0\r\n\r\n".utf8)))
  }

  @Test(arguments: [0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 123_456]) func `say each word's length`(length: Int) {
    var buffer = ByteBuffer()
    buffer.writeCommand([.bytes([UInt8](repeating: 7, count: length))])
    #expect(buffer.readString(length: "*1\r\n$\(length)\r\n".utf8.count) == "*1\r\n$\(length)\r\n")
    #expect(buffer.readableBytes == length + 2)
  }

  @Test func `follow those of the one before`() {
    var buffer = ByteBuffer()
    buffer.writeCommand(["A"])
    buffer.writeCommand(["B"])
    #expect(buffer == ByteBuffer(string: "*1\r\n$1\r\nA\r\n*1\r\n$1\r\nB\r\n"))
  }
}
