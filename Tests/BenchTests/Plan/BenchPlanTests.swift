import Bench
import GatewayClient
import StreamLog
import Testing

struct BenchPlanTests {
  private static func plan(
    _ scenario: BenchPlan.Scenario = .fanOut, subscribers: Int = 10, publishers: Int = 1, rate: Double? = nil,
    payloadBytes: Int = 128, topicsEach: Int = 1, groups: Int = 1, duration: Duration = .seconds(1), threads: Int = 1,
    behind: Int = 1, live: Int = 0
  ) throws(PlanError) -> BenchPlan {
    try BenchPlan(
      scenario: scenario, transports: Array(repeating: .sse, count: subscribers), publishers: publishers, rate: rate,
      payloadBytes: payloadBytes, topicsEach: topicsEach, groups: groups, duration: duration, threads: threads,
      behind: behind, live: live)
  }

  @Test func `publishing alone and holding alone can be measured, nothing cannot`() throws {
    #expect(try Self.plan(subscribers: 0).connections == 1)
    #expect(try Self.plan(publishers: 0).connections == 10)
    let error = #expect(throws: PlanError.self) { try Self.plan(subscribers: 0, publishers: 0) }
    #expect(error?.description.hasPrefix("0 subscribers and 0 publishers leave nothing to do") == true)
  }

  @Test func `every limit is an error that says it`() {
    let plans: [(String, () throws -> BenchPlan)] = [
      ("--payload must be at least 39 bytes", { try Self.plan(payloadBytes: 38) }),
      ("--topics must be 1 to 200", { try Self.plan(topicsEach: 201) }),
      ("--topics must be 1 to 200", { try Self.plan(topicsEach: 0) }),
      ("--groups must be at least 1", { try Self.plan(groups: 0) }),
      ("groups × topics at most 1000000", { try Self.plan(subscribers: 5001, topicsEach: 200, groups: 5001) }),
      ("--groups 11 is more than there are subscribers", { try Self.plan(groups: 11) }),
      ("--threads must be 1 to 64", { try Self.plan(threads: 65) }),
      ("--rate must be above 0", { try Self.plan(rate: 0) }),
      ("--duration must be above 0", { try Self.plan(duration: .zero) }),
      ("--publishers and --live must be 0 to 1000000", { try Self.plan(publishers: -1) }),
      ("a connect storm needs subscribers", { try Self.plan(.connectStorm, subscribers: 0) }),
      ("a resume storm needs subscribers", { try Self.plan(.resumeStorm, subscribers: 0) }),
      ("a resume storm needs a publisher", { try Self.plan(.resumeStorm, publishers: 0) }),
      ("--behind must be at least 1", { try Self.plan(.resumeStorm, behind: 0) }),
      ("--live is for --scenario resume-storm", { try Self.plan(live: 1) }),
    ]
    for (says, plan) in plans {
      let error = #expect(throws: PlanError.self) { try plan() }
      #expect(error?.description.contains(says) == true, "\(says): \(error?.description ?? "no error")")
    }
  }

  @Test func `groups take turns, and the topics within a group`() throws {
    let plan = try Self.plan(.resumeStorm, topicsEach: 2, groups: 3, live: 1)
    #expect(plan.topicCount == 8)
    #expect((0..<7).map { plan.topic(ofMessage: $0, in: 0..<3) } == [0, 2, 4, 1, 3, 5, 0])
    #expect((0..<3).map { plan.topic(ofMessage: $0, in: plan.liveGroups) } == [6, 7, 6])
  }

  @Test func `topics are valid, of one length, and every run has its own`() throws {
    var generator = SystemRandomNumberGenerator()
    let (first, second) = (RunTopics(using: &generator), RunTopics(using: &generator))
    #expect(first.prefix != second.prefix)
    let last = try TopicName(first.name(BenchPlan.mostTopics - 1))
    #expect(last.string.hasPrefix(first.prefix) && last.string.hasSuffix(".999999"))
    #expect(first.name(7).utf8.count == last.string.utf8.count)
  }
}

struct SystemLimitsTests {
  private static func address(_ host: String) throws -> SocketAddress {
    try #require(try SocketAddress.resolve(GatewayURL(host: host, port: 8080)).first)
  }

  @Test func `more connections than open files are refused with both numbers`() throws {
    try SystemLimits.check(connections: 936, openFiles: 1000)
    let error = #expect(throws: PlanError.self) { try SystemLimits.check(connections: 937, openFiles: 1000) }
    #expect(error?.description.hasPrefix("937 connections need 1001 open files and this process may have 1000") == true)
  }

  @Test func `many connections to this machine come from several addresses`() throws {
    let loopback = try Self.address("127.0.0.1")
    #expect(try SystemLimits.sources(connections: 20_000, to: loopback).map { $0?.description } == [nil])
    let sources = try SystemLimits.sources(connections: 40_001, to: loopback)
    #expect(sources.map { $0?.description } == ["127.0.0.1", "127.0.0.2", "127.0.0.3"])
  }

  @Test(arguments: ["192.0.2.1", "::1"]) func `many connections elsewhere are refused`(host: String) throws {
    let address = try Self.address(host)
    #expect(address.description == host)
    #expect(throws: PlanError.self) { try SystemLimits.sources(connections: 20_001, to: address) }
  }
}
