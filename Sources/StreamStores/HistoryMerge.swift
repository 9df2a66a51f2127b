import DequeModule
import StreamLog

/// Builds a page from several topics' histories: their messages in id order, with the gaps where they stand.
struct HistoryMerge {
  private struct Cursor {
    var history: Deque<Message>
    var index: Int
    var offset: Offset { history[index].offset }
  }

  private let request: ReadRequest
  private let through: Offset
  /// A binary heap, lowest offset first.
  private var heap: [Cursor] = []
  private var seen: Set<TopicName> = []

  init(request: ReadRequest, through: Offset) {
    self.request = request
    self.through = through
  }

  mutating func add(_ record: TopicRecord) {
    let index = record.index(after: request.after)
    guard index < record.history.count, record.history[index].offset <= through else { return }
    guard request.subscriptions.count == 1 || seen.insert(record.topic).inserted else { return }
    heap.append(Cursor(history: record.history, index: index))
    var child = heap.count - 1
    while child > 0, heap[child].offset < heap[(child - 1) / 2].offset {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  /// - Parameter gaps: with the index of the subscription each belongs to.
  consuming func finish(gaps: [(index: Int, gap: PageGap)]) -> Page {
    var builder = PageBuilder(request: request, gaps: gaps)
    while let message = pop() {
      guard builder.add(message) else { return builder.finish() }
    }
    return builder.finish(through: through)
  }

  private mutating func pop() -> Message? {
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
