import Synchronization

/// A number that tasks share.
final class Counter: Sendable {
  private let value: Atomic<Int>

  init(_ value: Int = 0) { self.value = Atomic(value) }

  var now: Int { value.load(ordering: .acquiring) }
  func add(_ number: Int) { value.add(number, ordering: .releasing) }
}
