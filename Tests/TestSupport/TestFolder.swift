import Foundation

/// A folder for the files of one test, gone with it.
package final class TestFolder: Sendable {
  package let path: String

  package init() {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-test-\(UUID().uuidString)")
    try! FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    path = folder.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  package func write(_ text: String, to name: String) {
    try! Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
  }
}

/// What a program has said so far.
struct LogFile {
  let path: String

  var text: String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
}
