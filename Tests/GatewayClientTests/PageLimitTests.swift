import GatewayClient
import Testing

@Suite struct PageLimitTests {
  @Test func `no limit is asked for until an answer is cut`() {
    var limit = PageLimit()
    #expect(limit.current == nil)
    limit.arrived(PageLimit.pollDefault)
    #expect(limit.current == nil)
  }

  @Test func `each cut answer halves the limit, from the default page down to one message`() {
    var limit = PageLimit()
    var asked: [Int?] = []
    while limit.cut() { asked.append(limit.current) }
    #expect(asked == [500, 250, 125, 62, 31, 15, 7, 3, 1])
    #expect(limit.current == PageLimit.minimum)
    let isSmaller = limit.cut()
    #expect(!isSmaller && limit.current == PageLimit.minimum)
  }

  @Test func `each full page doubles the limit, until none is needed`() {
    var limit = PageLimit()
    while limit.cut() {}
    var asked: [Int?] = []
    for _ in 0..<11 {
      limit.arrived(limit.current ?? PageLimit.pollDefault)
      asked.append(limit.current)
    }
    #expect(asked == [2, 4, 8, 16, 32, 64, 128, 256, 512, nil, nil])
  }

  @Test(arguments: [0, 1, 499])
  func `a page that is not full leaves the limit as it is`(_ count: Int) {
    var limit = PageLimit()
    _ = limit.cut()
    limit.arrived(count)
    #expect(limit.current == 500)
  }

  @Test func `halving begins from the limit that the caller wants, and doubling ends there`() {
    var limit = PageLimit(20)
    #expect(limit.current == 20)
    var asked: [Int?] = []
    for _ in 0..<3 {
      _ = limit.cut()
      asked.append(limit.current)
    }
    for _ in 0..<4 {
      limit.arrived(limit.current ?? 0)
      asked.append(limit.current)
    }
    #expect(asked == [10, 5, 2, 4, 8, 16, 20])
  }

  @Test func `a caller that wants one message gets no smaller page`() {
    var limit = PageLimit(1)
    let isSmaller = limit.cut()
    #expect(!isSmaller && limit.current == 1)
  }

  @Test func `the largest limit there is does not overflow`() {
    var limit = PageLimit(.max)
    _ = limit.cut()
    limit.arrived(.max)
    limit.arrived(.max)
    #expect(limit.current == .max)
  }

  /// The operator may have set less than the default, of which the client knows nothing.
  @Test func `a refused limit is halved at once and becomes the bound`() {
    var limit = PageLimit()
    let areSmaller = [limit.cut(), limit.refused(), limit.refused()]
    #expect(areSmaller == [true, true, true])
    #expect(limit.current == 125)
    var asked: [Int?] = []
    for _ in 0..<2 {
      limit.arrived(limit.current ?? 0)
      asked.append(limit.current)
    }
    #expect(asked == [nil, nil])
  }

  @Test func `a refused limit that the caller wants is the caller's fault`() {
    var limit = PageLimit(5000)
    let isSmaller = limit.refused()
    #expect(!isSmaller && limit.current == 5000)
  }

  @Test func `only a refusal that names the limit is one of the limit`() {
    func isOfLimit(_ status: Int, _ code: String, _ parameter: String) -> Bool {
      let body = #"{"type":"urn:sluice:error:\#(code)","parameter":"\#(parameter)","detail":"no"}"#
      return Refusal(status: status, retryAfter: nil, body: Array(body.utf8)).isOfLimit
    }
    #expect(isOfLimit(400, "invalid-parameter", "limit"))
    #expect(!isOfLimit(400, "invalid-parameter", "wait"))
    #expect(!isOfLimit(400, "unknown-parameter", "limit"))
    #expect(!isOfLimit(503, "invalid-parameter", "limit"))
  }
}
