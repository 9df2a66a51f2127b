import StreamLog
import Testing

@Suite struct LineageTests {
  /// e1 from 1, e2 from 11, e3 from 21.
  private let lineage = Lineage(entries: [
    .init(epoch: Epoch("e1")!, first: 1), .init(epoch: Epoch("e2")!, first: 11), .init(epoch: Epoch("e3")!, first: 21),
  ])

  @Test(arguments: [
    (Offset(0), "e1-0"), (1, "e1-1"), (10, "e1-10"), (11, "e2-11"), (20, "e2-20"), (21, "e3-21"), (900, "e3-900"),
  ])
  func `an offset belongs to the epoch it falls in`(offset: Offset, id: String) {
    #expect(lineage.position(offset).description == id)
  }

  @Test(arguments: [
    ("e1-0", Lineage.Verdict.good(0)), ("e1-10", .good(10)), ("e1-11", .pastEnd(10)), ("e1-30", .pastEnd(10)),
    ("e2-20", .good(20)), ("e2-21", .pastEnd(20)), ("e3-21", .good(21)), ("e3-25", .good(25)), ("e3-26", .pastEnd(25)),
    ("e4-1", .unknownEpoch), ("e-1", .unknownEpoch),
  ])
  func `a position is good up to its epoch's end, and in the last epoch up to the head`(
    id: String, verdict: Lineage.Verdict
  ) throws {
    #expect(lineage.judge(try #require(Position(id)), head: 25) == verdict)
  }

  @Test func `a new epoch that has no message yet ends where it begins`() throws {
    let opened = Lineage(entries: [.init(epoch: Epoch("e1")!, first: 1), .init(epoch: Epoch("e2")!, first: 11)])
    #expect(opened.judge(try #require(Position("e1-10")), head: 10) == .good(10))
    #expect(opened.judge(try #require(Position("e2-11")), head: 10) == .pastEnd(10))
    #expect(opened.current == Epoch("e2"))
  }

  @Test func `a log that begins has one epoch from offset 1`() {
    #expect(Lineage(Epoch("e1")!).entries == [.init(epoch: Epoch("e1")!, first: 1)])
  }
}
