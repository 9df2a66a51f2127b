import GatewayClient
import Testing

@Suite struct TextTableTests {
  @Test func `columns are as wide as their widest cell, and numbers stand at the right`() {
    var table = TextTable([("TOPIC", .left), ("SEQ", .right), ("LAST", .left)])
    table.add("orders.42", "7", "a-1")
    table.add("x", "12345", "größer")
    #expect(
      table.lines == [
        "TOPIC        SEQ  LAST",
        "orders.42      7  a-1",
        "x          12345  größer",
      ])
  }

  @Test func `missing cells are empty and surplus ones are left out`() {
    var table = TextTable([("A", .left), ("B", .left)])
    table.add("1")
    table.add("1", "2", "3")
    #expect(table.lines == ["A  B", "1", "1  2"])
  }

  @Test func `control characters do not reach the terminal`() {
    var table = TextTable([("A", .left)])
    table.add("\u{1b}[2Jx\ny")
    #expect(table.lines == ["A", "?[2Jx?y"])
  }

  @Test func `a table without rows is its titles`() {
    #expect(TextTable([("A", .left)]).lines == ["A"])
    #expect(TextTable([("A", .left)]).isEmpty)
  }
}
