import RedisStreamStore
import StreamStores
import Testing

@Suite struct RedisCountersTests {
  /// A look at the whole was under way while a publish made the store forget a topic, and was heard after the publish: the
  /// store said for a second that nothing was forgotten.
  @Test func `what was said before and is heard late does not count`() {
    let before = RedisCounters([3, 0, 1, 0, 3], asOf: 7)
    let after = RedisCounters([3, 0, 2, 0, 3], asOf: 8)
    var counters = RedisCounters()
    for heard in [before, after, before] { counters.hear(heard) }
    #expect(counters.forgotten == 2)
  }

  @Test func `what goes without a message counts`() {
    var counters = RedisCounters([3, 0, 0, 2, 3], asOf: 7)
    counters.hear(RedisCounters([2, 1, 0, 0, 3], asOf: 7))
    #expect((counters.held, counters.dropped, counters.keys) == (2, 1, 0))
  }
}
