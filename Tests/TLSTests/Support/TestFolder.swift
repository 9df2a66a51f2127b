import Foundation
import TLS

/// A folder for the files of one test, gone with it.
final class TestFolder {
  let path: String

  init() {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tls-\(UUID().uuidString)")
    try! FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    path = folder.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// - Returns: the path of the file.
  @discardableResult
  func write(_ text: String, to name: String) -> String { write(Data(text.utf8), to: name) }

  @discardableResult
  func write(_ bytes: Data, to name: String) -> String {
    let file = "\(path)/\(name)"
    try! bytes.write(to: URL(fileURLWithPath: file))
    return file
  }

  /// - Parameter name: of both files, which end in `.pem` and `.key`.
  func write(_ certificate: TestCertificate, as name: String) -> TLSSettings.Pair {
    TLSSettings.Pair(
      certificate: write(certificate.pem, to: "\(name).pem"), key: write(certificate.key.pem(), to: "\(name).key"))
  }
}
