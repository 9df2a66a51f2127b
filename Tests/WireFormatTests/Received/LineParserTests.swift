import Testing
import WireFormat

struct LineParserTests {
  private func lines(_ text: String, pieces: Int, limit: Int = 100) throws -> [String] {
    var parser = LineParser(limit: limit)
    var found: [String] = []
    let bytes = Array(text.utf8)
    for start in stride(from: 0, to: bytes.count, by: pieces) {
      try bytes[start..<min(start + pieces, bytes.count)].withUnsafeBytes { piece in
        try parser.receive(piece) { found.append(String(decoding: $0, as: UTF8.self)) }
      }
    }
    return found
  }

  @Test(arguments: 1...20)
  func `lines end in LF or CR LF, wherever the stream is split`(pieces: Int) throws {
    #expect(try lines("{\"a\":1}\n{\"b\":\"\r\"}\r\n{}\n", pieces: pieces) == ["{\"a\":1}", "{\"b\":\"\r\"}", "{}"])
  }

  @Test(arguments: 1...8)
  func `empty lines and a line without its end are left out`(pieces: Int) throws {
    #expect(try lines("\n\r\na\n\n\nb", pieces: pieces) == ["a"])
  }

  @Test(arguments: [1, 7, 100])
  func `a line may have as many bytes as the limit and no more`(pieces: Int) throws {
    #expect(try lines("12345\n", pieces: pieces, limit: 5) == ["12345"])
    #expect(throws: LineParser.TooLong.self) { try lines("123456\n", pieces: pieces, limit: 5) }
  }
}
