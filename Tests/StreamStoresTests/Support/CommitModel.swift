import StreamLog

/// Everything ever committed, remembered in the simplest way there is: what a store may forget, this does not.
struct CommitModel {
  struct Commit {
    var topic: TopicName
    var seq: UInt64
    var isErased = false
  }

  /// The commit at offset n is at index n - 1.
  private(set) var commits: [Commit] = []

  mutating func add(_ topic: TopicName, offset: Offset, seq: UInt64) -> Bool {
    commits.append(Commit(topic: topic, seq: seq))
    return offset == Offset(commits.count)
  }

  mutating func erase(_ topic: TopicName) {
    for index in commits.indices where commits[index].topic == topic { commits[index].isErased = true }
  }

  subscript(offset: Offset) -> Commit { commits[Int(offset) - 1] }
}

/// One connection as the model sees it: what it wanted, what it was told, and every rule that was broken.
struct ConnectionModel {
  let patterns: [TopicPattern]
  let start: Offset
  /// Messages above `start` that this connection did not ask for: a rewind's older ones, an `earliest`'s lost ones.
  let unwanted: Set<Offset>
  /// Messages above `start` that this connection may get and is not owed: retention has dropped them, and the tape holds
  /// them.
  let optional: Set<Offset>
  /// Messages at or below `start` of which the connection before was not told, because their gap stood further on.
  let owed: Set<Offset>
  private(set) var position: Offset
  private(set) var delivered: Set<Offset> = []
  private(set) var gaps: [PageGap] = []
  private(set) var faults: [String] = []

  init(
    patterns: [TopicPattern], start: Offset, unwanted: Set<Offset> = [], optional: Set<Offset> = [],
    owed: Set<Offset> = []
  ) {
    self.patterns = patterns
    self.start = start
    self.unwanted = unwanted
    self.optional = optional
    self.owed = owed
    position = start
  }

  /// Whether it must be told of a message: by the message or by a gap.
  func wants(_ offset: Offset, in model: CommitModel) -> Bool {
    mayGet(offset, in: model) && !optional.contains(offset)
  }

  private func mayGet(_ offset: Offset, in model: CommitModel) -> Bool {
    offset > start && !unwanted.contains(offset) && patterns.contains { $0.matches(model[offset].topic) }
  }

  mutating func receive(_ message: Message, in model: CommitModel) {
    let offset = message.offset
    let commit = model[offset]
    if offset <= position { faults.append("message \(offset) after position \(position)") }
    if !delivered.insert(offset).inserted { faults.append("message \(offset) twice") }
    if commit.topic != message.topic || commit.seq != message.seq { faults.append("message \(offset) is another") }
    if commit.isErased { faults.append("message \(offset) served after its erasure") }
    if !mayGet(offset, in: model) { faults.append("message \(offset) was not wanted") }
    for gap in gaps where gap.pattern?.exact == message.topic && gap.after < offset && offset <= gap.through {
      faults.append("message \(offset) lies in an earlier gap of its topic")
    }
    position = max(position, offset)
  }

  /// - Parameter isProvable: whether the store still knows of every topic, so that a gap must be about something.
  mutating func receive(_ gap: PageGap, isProvable: Bool, in model: CommitModel) {
    if gap.through < position { faults.append("gap through \(gap.through) after position \(position)") }
    if gap.after >= gap.through { faults.append("empty gap (\(gap.after), \(gap.through)]") }
    guard let pattern = gap.pattern, patterns.contains(pattern) else {
      return faults.append("gap of \(gap.pattern?.string ?? "everything"), which is not subscribed")
    }
    var missing = 0
    for offset in (gap.after + 1)...max(gap.through, gap.after + 1) where pattern.matches(model[offset].topic) {
      if delivered.contains(offset) {
        if pattern.exact != nil { faults.append("gap (\(gap.after), \(gap.through)] has delivered \(offset)") }
      } else {
        missing += 1
      }
    }
    if isProvable, missing == 0 { faults.append("gap (\(gap.after), \(gap.through)] of \(pattern) misses nothing") }
    if let seq = gap.seq, isProvable, let topic = pattern.exact,
      model[gap.through].topic != topic || model[gap.through].seq != seq
    {
      faults.append("gap through \(gap.through) gives seq \(seq)")
    }
    gaps.append(gap)
    position = max(position, gap.through)
  }

  /// The connection was told that it stands here, and that nothing below is missing but what it was told of.
  mutating func reach(_ offset: Offset, in model: CommitModel) {
    if offset < position { faults.append("position goes back from \(position) to \(offset)") }
    position = max(position, offset)
    for lost in untold(through: offset, in: model) where !reported.contains(lost) {
      reported.insert(lost)
      faults.append("message \(lost) of \(model[lost].topic) is lost in silence at \(offset)")
    }
    checked = max(checked, offset)
  }

  private var reported: Set<Offset> = []
  private var checked: Offset = 0

  /// Wanted messages neither delivered nor in a gap.
  func untold(through offset: Offset, in model: CommitModel) -> Set<Offset> {
    var untold: Set<Offset> = []
    for candidate in stride(from: max(start, checked) + 1, through: offset, by: 1)
    where wants(candidate, in: model) && !delivered.contains(candidate) && !isInGap(candidate, in: model) {
      untold.insert(candidate)
    }
    if offset > start {
      for candidate in owed where !isInGap(candidate, in: model) { untold.insert(candidate) }
    }
    return untold
  }

  /// What the connection before was owed counts as told by a gap that begins where this connection does.
  private func isInGap(_ offset: Offset, in model: CommitModel) -> Bool {
    let topic = model[offset].topic
    return gaps.contains {
      ($0.pattern?.matches(topic) ?? true) && offset <= $0.through
        && ($0.after < offset || offset <= start && $0.after <= start)
    }
  }
}
