import StreamLog
import Testing

@Suite struct ForgottenTopicsTests {
  @Test func `a forgotten topic's last offset is remembered, and an unknown topic's is 0`() throws {
    var forgotten = ForgottenTopics()
    let topic = try TopicName("orders.1")
    #expect(forgotten.loss(of: topic) == (0, 0))
    forgotten.forget(topic, lastOffset: 50, at: 3)
    #expect(forgotten.loss(of: topic) == (50, 3))
    #expect(forgotten.loss(of: try TopicName("orders.2")) == (0, 0))
    #expect(forgotten.highest == (50, 3))
  }

  @Test func `what is forgotten only rises`() throws {
    var forgotten = ForgottenTopics()
    let topic = try TopicName("a")
    forgotten.forget(topic, lastOffset: 50, at: 3)
    forgotten.forget(topic, lastOffset: 20, at: 4)
    #expect(forgotten.loss(of: topic) == (50, 4))
    forgotten.forget(try TopicName("b"), lastOffset: 30, at: 5)
    #expect(forgotten.highest == (50, 5))
  }

  @Test func `no topic is believed complete that shares its place with a forgotten one`() throws {
    var forgotten = ForgottenTopics()
    let topics = try (0..<3 * ForgottenTopics.buckets).map { try TopicName("t.\($0)") }
    for (index, topic) in topics.enumerated() { forgotten.forget(topic, lastOffset: Offset(index + 1), at: 1) }
    for (index, topic) in topics.enumerated() { #expect(forgotten.loss(of: topic).through >= Offset(index + 1)) }
    #expect(forgotten.highest.through == Offset(topics.count))
  }
}
