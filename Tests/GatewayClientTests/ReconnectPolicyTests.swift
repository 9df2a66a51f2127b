import GatewayClient
import Testing

/// Always the highest number, so that a random wait is its ceiling.
private struct Highest: RandomNumberGenerator {
  func next() -> UInt64 { .max }
}

private struct Lowest: RandomNumberGenerator {
  func next() -> UInt64 { 0 }
}

@Suite struct ReconnectPolicyTests {
  @Test func `the wait's ceiling doubles from the minimum up to the maximum`() {
    let policy = ReconnectPolicy(minimum: .milliseconds(500), maximum: .seconds(20))
    let ceilings = (0..<8).map { policy.ceiling($0) }
    #expect(
      ceilings == [
        .milliseconds(500), .seconds(1), .seconds(2), .seconds(4), .seconds(8), .seconds(16), .seconds(20),
        .seconds(20),
      ])
    #expect(policy.ceiling(.max) == .seconds(20))
  }

  @Test func `a wait is anything from nothing to its ceiling`() {
    var low = Lowest()
    var high = Highest()
    var policy = ReconnectPolicy()
    #expect(policy.nextDelay(lasted: nil, advice: nil, using: &low) == .zero)
    let second = policy.nextDelay(lasted: nil, advice: nil, using: &high)
    #expect(second > .milliseconds(999) && second <= .seconds(1))
  }

  @Test func `a connection that lasted makes the count start again`() {
    var high = Highest()
    var policy = ReconnectPolicy(stableAfter: .seconds(5))
    for _ in 0..<6 { _ = policy.nextDelay(lasted: .seconds(1), advice: nil, using: &high) }
    #expect(policy.failures == 6)
    let delay = policy.nextDelay(lasted: .seconds(5), advice: nil, using: &high)
    #expect(delay <= .milliseconds(500))
    #expect(policy.failures == 1)
  }

  @Test func `a connection that made progress makes the count start again, however early it broke`() {
    var high = Highest()
    var policy = ReconnectPolicy()
    for _ in 0..<6 { _ = policy.nextDelay(lasted: .seconds(1), advice: nil, using: &high) }
    for _ in 0..<3 {
      let delay = policy.nextDelay(lasted: .zero, madeProgress: true, advice: nil, using: &high)
      #expect(delay <= .milliseconds(500))
    }
    let delay = policy.nextDelay(lasted: .zero, advice: nil, using: &high)
    #expect(delay > .milliseconds(999) && delay <= .seconds(1))
  }

  @Test func `after_ms is followed to the millisecond, even beyond the maximum`() {
    var random = SystemRandomNumberGenerator()
    var policy = ReconnectPolicy()
    #expect(
      policy.nextDelay(lasted: nil, advice: .exactly(.seconds(60)), using: &random) == .seconds(60))
  }

  @Test func `Retry-After is never undercut, and spread`() {
    var low = Lowest()
    var high = Highest()
    var policy = ReconnectPolicy(minimum: .milliseconds(500))
    #expect(policy.nextDelay(lasted: nil, advice: .notBefore(.seconds(7)), using: &low) == .seconds(7))
    let spread = policy.nextDelay(lasted: nil, advice: .notBefore(.seconds(7)), using: &high)
    #expect(spread > .milliseconds(7_499) && spread <= .milliseconds(7_500))
  }

  @Test func `a stream's own retry may be above the maximum`() {
    var policy = ReconnectPolicy(maximum: .seconds(20))
    policy.minimum = .seconds(30)
    #expect(policy.ceiling(0) == .seconds(30))
    #expect(policy.ceiling(9) == .seconds(30))
  }
}
