import StreamLog

/// A run's topics, `bench.<random>.<six digits>`: nobody else has them, so that runs do not meet and no topic in use is
/// touched.
package struct RunTopics: Sendable {
  static let digits = 6
  package let prefix: String

  /// - Parameter generator: of the random part, 8 characters.
  package init(using generator: inout some RandomNumberGenerator) {
    prefix = "bench.\(RandomName.make(8, using: &generator))."
  }

  package func name(_ number: Int) -> String {
    let digits = String(number)
    return prefix + String(repeating: "0", count: Self.digits - digits.count) + digits
  }
}
