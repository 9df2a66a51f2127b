package import DequeModule
package import StreamLog

/// Several topics' histories as one, in id order.
package struct HistoryMerge {
  private struct Cursor {
    var history: Deque<Message>
    var index: Int
    var offset: Offset { history[index].offset }
  }

  private let through: Offset
  /// A binary heap, lowest offset first.
  private var heap: [Cursor] = []
  private var seen: Set<TopicName> = []

  /// - Parameter through: nothing above it is merged.
  package init(through: Offset) {
    self.through = through
  }

  /// Adds what a topic holds from the message at `index` on; a topic that was added before is not added again.
  package mutating func add(_ history: Deque<Message>, from index: Int) {
    guard index < history.count, history[index].offset <= through else { return }
    guard seen.insert(history[index].topic).inserted else { return }
    heap.append(Cursor(history: history, index: index))
    var child = heap.count - 1
    while child > 0, heap[child].offset < heap[(child - 1) / 2].offset {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  package mutating func next() -> Message? {
    guard let top = heap.first else { return nil }
    let message = top.history[top.index]
    if top.index + 1 < top.history.count, top.history[top.index + 1].offset <= through {
      heap[0].index += 1
    } else {
      heap.swapAt(0, heap.count - 1)
      heap.removeLast()
    }
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].offset < heap[least].offset
      {
        least = child
      }
      if least == parent { break }
      heap.swapAt(parent, least)
      parent = least
    }
    return message
  }
}
