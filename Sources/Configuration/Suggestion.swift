/// The known name somebody probably meant.
enum Suggestion {
  /// ` (did you mean X?)`, to stand after a clause, or nothing if no name is near.
  static func phrase(for word: String, among known: [String]) -> String {
    nearest(to: word, among: known).map { " (did you mean \($0)?)" } ?? ""
  }

  /// The name with the fewest typing errors, if there are at most two, or three in a long word.
  static func nearest(to word: String, among known: [String]) -> String? {
    let allowed = word.utf8.count < 4 ? 1 : word.utf8.count < 12 ? 2 : 3
    var best: (name: String, distance: Int)?
    for name in known {
      let distance = self.distance(Array(word.lowercased().utf8), Array(name.lowercased().utf8))
      if distance <= allowed, distance < best?.distance ?? Int.max { best = (name, distance) }
    }
    return best?.name
  }

  /// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
  static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var beforeLast = [Int]()
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var cost = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
        row.append(cost)
      }
      beforeLast = last
      last = row
    }
    return last[b.count]
  }
}
