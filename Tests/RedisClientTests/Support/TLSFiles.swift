import TestSupport
import Foundation
import Testing

/// An authority and certificates by it, made with the `openssl` command in a folder.
struct TLSFiles {
  let folder: TestFolder

  init(in folder: TestFolder) throws {
    self.folder = folder
    try make(authority: "ca")
    try make(authority: "stranger")
    try make("server", names: "DNS:localhost,IP:127.0.0.1")
    try make("elsewhere", names: "DNS:elsewhere.test")
    try make("client", names: "DNS:client.test")
  }

  func path(_ name: String) -> String { "\(folder.path)/\(name)" }

  /// What `redis-server` is told; the port is for TLS.
  func options(certificate: String = "server", clients: String = "no") -> [String] {
    [
      "--port", "0", "--tls-cert-file", path("\(certificate).pem"), "--tls-key-file", path("\(certificate).key"),
      "--tls-ca-cert-file", path("ca.pem"), "--tls-auth-clients", clients,
    ]
  }

  private func make(authority name: String) throws {
    try openssl(
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=\(name) -keyout \(name).key "
        + "-out \(name).pem")
  }

  private func make(_ name: String, names: String) throws {
    folder.write("subjectAltName=\(names)\n", to: "\(name).ext")
    try openssl(
      "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=\(name) -keyout \(name).key -out \(name).csr")
    try openssl(
      "x509 -req -in \(name).csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile \(name).ext -out \(name).pem"
    )
  }

  private func openssl(_ arguments: String) throws {
    let command = ["openssl"] + arguments.split(separator: " ").map(String.init)
    try #require(try Program.run(command, in: folder.path).status == 0, "openssl \(arguments)")
  }
}
