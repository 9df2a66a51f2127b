/// Counts what a rate allows. Tokens are kept in thousandths, so that milliseconds need no fractions.
struct TokenBucket {
  private let rate: HTTP2Settings.Rate
  private var thousandths: Int
  private var filled: UInt64

  /// - Parameter now: milliseconds.
  init(_ rate: HTTP2Settings.Rate, now: UInt64) {
    self.rate = rate
    thousandths = rate.burst * 1000
    filled = now
  }

  /// - Returns: false if the rate is exceeded.
  mutating func take(now: UInt64) -> Bool {
    if now > filled {
      let (earned, isMuch) = Int(clamping: now - filled).multipliedReportingOverflow(by: rate.perSecond)
      thousandths = isMuch ? rate.burst * 1000 : min(rate.burst * 1000, thousandths + min(earned, rate.burst * 1000))
      filled = now
    }
    guard thousandths >= 1000 else { return false }
    thousandths -= 1000
    return true
  }
}
