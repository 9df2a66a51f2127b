import ArgumentParser
import Gateway
import WireFormat

/// `sluice version`.
struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

  @Flag(help: "Print a JSON object.")
  var json = false

  func run() throws {
    try StandardOutput.reportingClosed {
      if json {
        try StandardOutput.line(JSONValue.object([("version", .string(Version.string))]))
      } else {
        try StandardOutput.line("sluice \(Version.string)")
      }
    }
  }
}
