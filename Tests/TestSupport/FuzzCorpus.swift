import Foundation

/// The inputs that a fuzzer begins with, and those it failed with before.
package enum FuzzCorpus {
  /// - Parameter target: the name of the folder in `Tests/Fuzz`.
  /// - Throws: an error of Foundation if the folder or a file cannot be read.
  package static func inputs(of target: String) throws -> [[UInt8]] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fuzz/\(target)/corpus")
    return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .sorted { $0.path < $1.path }.map { Array(try Data(contentsOf: $0)) }
  }
}
