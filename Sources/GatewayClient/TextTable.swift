/// Rows for a person: columns as wide as their widest cell, two spaces between them, nothing behind the last.
package struct TextTable: Sendable {
  package enum Alignment: Sendable {
    case left, right
  }

  private let columns: [(title: String, alignment: Alignment)]
  private var rows: [[String]] = []

  package init(_ columns: [(String, Alignment)]) { self.columns = columns.map { (title: $0.0, alignment: $0.1) } }

  /// Adds a row; missing cells are empty, surplus ones are left out. Control characters in a cell are shown as `?`:
  /// what a gateway sends must not move the terminal's cursor.
  package mutating func add(_ cells: String...) {
    rows.append(
      columns.indices.map { index in
        index < cells.count ? Self.printable(cells[index]) : ""
      })
  }

  package var isEmpty: Bool { rows.isEmpty }

  /// The lines, titles first.
  package var lines: [String] {
    let all = [columns.map(\.title)] + rows
    let widths = columns.indices.map { index in all.map { $0[index].count }.max() ?? 0 }
    return all.map { row in
      var line = ""
      for (index, cell) in row.enumerated() {
        if index > 0 { line += "  " }
        let padding = String(repeating: " ", count: widths[index] - cell.count)
        line += columns[index].alignment == .left ? cell + padding : padding + cell
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }

  private static func printable(_ cell: String) -> String {
    guard cell.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return cell }
    var result = ""
    for scalar in cell.unicodeScalars {
      result.unicodeScalars.append(scalar.properties.generalCategory == .control ? "?" : scalar)
    }
    return result
  }
}
