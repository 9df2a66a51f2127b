import RedisClient
import Testing

@Suite struct `A RESP value` {
  @Test func `of digits is an integer, whether it came as one or as text`() {
    for value in [RESPValue.integer(42), .bulk(Array("42".utf8)), .simple("42")] { #expect(value.integer == 42) }
    #expect(RESPValue.bulk(Array("-9223372036854775808".utf8)).integer == .min)
    for text in ["", "-", "+", "4 2", "9223372036854775808", "-9223372036854775809", "99999999999999999999", "٤"] {
      #expect(RESPValue.bulk(Array(text.utf8)).integer == nil, "\(text)")
    }
    #expect(RESPValue.null.integer == nil)
  }

  @Test func `is text where it is UTF-8`() {
    #expect(RESPValue.bulk(Array("grüß".utf8)).string == "grüß")
    #expect(RESPValue.bulk([0xff]).string == nil)
    #expect(RESPValue.bulk([0xff]).bytes == [0xff])
    #expect(RESPValue.simple("OK").bytes == [0x4f, 0x4b])
    #expect(RESPValue.error("ERR").string == nil)
  }
}
