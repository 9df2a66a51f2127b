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

  // MARK: Epochs that begin above where the one before ended

  /// e1 from 1 to 12; e2 from 101 to 120, nothing lost; e3 from 201, what was above 8 is lost.
  private let jumping = Lineage(entries: [
    .init(epoch: Epoch("e1")!, first: 1), .init(epoch: Epoch("e2")!, first: 101, follows: 12),
    .init(epoch: Epoch("e3")!, first: 201, follows: 120, lost: .init(after: 8, at: 5)),
  ])

  @Test(arguments: [
    // What its log does not have is not read over in silence; but at the end of the hole it has crossed over.
    ("e1-12", Lineage.Verdict.good(12)), ("e1-13", .pastEnd(12)), ("e1-99", .pastEnd(12)), ("e1-100", .good(100)),
    ("e1-101", .pastEnd(12)),
    // Where the crossing itself says what is lost, it is read over.
    ("e2-120", .good(120)), ("e2-121", .good(121)), ("e2-200", .good(200)), ("e2-201", .pastEnd(120)),
    ("e3-201", .good(201)), ("e3-251", .pastEnd(250)),
  ])
  func `a position in the hole before an epoch`(id: String, verdict: Lineage.Verdict) throws {
    #expect(jumping.judge(try #require(Position(id)), head: 250) == verdict)
  }

  @Test(arguments: [("e1-12", true), ("e1-13", false), ("e2-120", true), ("e2-121", false), ("e3-251", false)])
  func `what the log has of an epoch`(id: String, isThere: Bool) throws {
    #expect(jumping.contains(try #require(Position(id)), head: 250) == isThere)
    #expect(!jumping.contains(try #require(Position("e9-1")), head: 250))
  }

  @Test func `nothing lies in the hole before an epoch that lost nothing`() {
    #expect(jumping.isUnbroken(from: 12, to: 13) && !jumping.isUnbroken(from: 11, to: 13))
    #expect(jumping.isUnbroken(from: 12, to: 101) && jumping.isUnbroken(from: 60, to: 101))
    #expect(!jumping.isUnbroken(from: 11, to: 101) && !jumping.isUnbroken(from: 12, to: 102))
    #expect(!jumping.isUnbroken(from: 120, to: 201), "something was lost there")
    let twice = Lineage(entries: [
      .init(epoch: Epoch("e1")!, first: 1), .init(epoch: Epoch("e2")!, first: 101, follows: 12),
      .init(epoch: Epoch("e3")!, first: 201, follows: 100),
    ])
    #expect(twice.isUnbroken(from: 12, to: 201), "e2 has nothing")
    #expect(twice.lastCommitted(through: 200) == 12 && twice.lastCommitted(through: 201) == 201)
    #expect(lineage.isUnbroken(from: 10, to: 11) && !lineage.isUnbroken(from: 9, to: 11))
    #expect(lineage.lastCommitted(through: 10) == 10)
  }

  /// Symptom: readers crossed two losses in silence. A Redis that went back behind the beginning of e2 opened e3 where
  /// e1 ended, and e2's hole was taken for a part of e3's.
  @Test func `an epoch that begins where one before the last ended does not hide that one's losses`() {
    let lineage = Lineage(entries: [
      .init(epoch: Epoch("e1")!, first: 1),
      .init(epoch: Epoch("e2")!, first: 101, follows: 12, lost: .init(after: 8, at: 5)),
      .init(epoch: Epoch("e3")!, first: 201, follows: 12),
    ])
    #expect(!lineage.isUnbroken(from: 12, to: 201) && lineage.isUnbroken(from: 100, to: 201))
    #expect(!lineage.contains(Position("e2-101")!, head: 300))
    #expect(lineage.lastCommitted(through: 200) == 12)
    #expect(lineage.count(after: 0, through: 202) == 14)
  }

  @Test func `holes are nobody's offsets`() {
    #expect(jumping.count(after: 10, through: 250) == 2 + 20 + 50)
    #expect(jumping.count(after: 60, through: 110) == 10)
    #expect(jumping.count(after: 250, through: 250) == 0 && jumping.count(after: 300, through: 250) == 0)
    #expect(lineage.count(after: 0, through: 25) == 25)
  }
}
