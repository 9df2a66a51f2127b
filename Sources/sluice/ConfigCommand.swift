import ArgumentParser
import Configuration
import Gateway
import TLS
import WireFormat

/// `sluice config`: what the gateway would run with, before it runs.
struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config",
    abstract: "Check and show the configuration.",
    discussion: """
      Defaults, the file, SLUICE_… variables and flags, each winning over the one before it. \
      A configuration with errors is refused with exit code 78, and every error is told.
      """,
    subcommands: [Check.self, Show.self, Reference.self])

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say whether the gateway would start with it, its certificates too.")

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
      let loaded = try options.load()
      let certificates = try Self.certificates(loaded.configuration)
      let given = SettingTable.settings.count { loaded.origin(of: $0.path) != .defaultValue }
      let source = loaded.file ?? "no file"
      print("ok: \(source), \(given) of \(SettingTable.settings.count) settings given, defaults for the rest")
      for certificate in certificates {
        print(
          "certificate: \(certificate.file), until \(certificate.until), for \(certificate.names.joined(separator: ", "))"
        )
      }
    }

    /// Reads them as the gateway would. What is wrong goes to standard error, a line each.
    private static func certificates(_ configuration: GatewayConfiguration) throws -> [CertificateSummary] {
      do throws(TLSConfigurationErrors) {
        return try CertificateKeeper.read(configuration.tls)?.certificates ?? []
      } catch {
        for message in error.messages { StandardError.line("sluice: \(message)") }
        throw ExitCode(78)
      }
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print every setting, its value and where that came from.")

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "As a JSON array of objects with setting, value and from.")
    var json = false

    func run() throws {
      let loaded = try options.load()
      let rows = SettingTable.settings.map { setting in
        Row(
          setting: setting.path, value: setting.text(loaded.configuration),
          from: loaded.origin(of: setting.path).description)
      }
      print(json ? Self.json(rows) : Self.table(rows))
    }

    private struct Row {
      let setting: String
      let value: String
      let from: String
    }

    private static func json(_ rows: [Row]) -> String {
      let objects = rows.map { row in
        JSONValue.object([
          ("setting", .string(row.setting)), ("value", .string(row.value)), ("from", .string(row.from)),
        ])
      }
      return String(decoding: JSONValue.array(objects).encoded, as: UTF8.self)
    }

    private static func table(_ rows: [Row]) -> String {
      let all = [Row(setting: "SETTING", value: "VALUE", from: "FROM")] + rows
      let settingWidth = all.map(\.setting.count).max() ?? 0
      // One long list of topic rules must not push every other line off the screen.
      let valueWidth = min(all.map(\.value.count).max() ?? 0, 40)
      return all.map { row in
        "\(padded(row.setting, to: settingWidth))  \(padded(row.value, to: valueWidth))  \(row.from)"
      }.joined(separator: "\n")
    }

    private static func padded(_ text: String, to width: Int) -> String {
      text + String(repeating: " ", count: max(0, width - text.count))
    }
  }

  struct Reference: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print a configuration file with every setting, its default and what it is for.")

    func run() {
      print(GatewayConfiguration.referenceYAML, terminator: "")
    }
  }
}
