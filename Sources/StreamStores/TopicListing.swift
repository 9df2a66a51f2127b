package import StreamLog

/// A page of a list of topics.
package enum TopicListing {
  /// Those that match, in order of their names, at most `limit` after the topic `after`.
  package static func choose(
    from names: [TopicName], matching pattern: TopicPattern?, after: TopicName?, limit: Int
  ) -> [TopicName] {
    Array(
      names.filter { name in (after.map { name > $0 } ?? true) && (pattern?.matches(name) ?? true) }.sorted()
        .prefix(limit))
  }
}
