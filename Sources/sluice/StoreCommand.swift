import ArgumentParser
import GatewayClient
import WireFormat

/// `sluice store`: what the gateway keeps its messages in.
struct StoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "store",
    abstract: "Look at the gateway's store, check it, shrink it, or back it up, while the gateway runs.",
    subcommands: [Info.self, Check.self, Compact.self, Backup.self],
    defaultSubcommand: Info.self)

  struct Info: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show what the store holds, and where.")

    @OptionGroup var gateway: GatewayOptions

    func run() async throws {
      try await withGateway(gateway.admin) { calls in
        try StoreCommand.show(try await calls.json(.get, "/v1/admin/store"), json: gateway.json)
      }
    }
  }

  struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Look at every page and message of the store's file.",
      discussion: "The exit code is 1 if anything is wrong with it. Publishing and reading go on meanwhile.")

    @OptionGroup var gateway: GatewayOptions

    func run() async throws {
      try await withGateway(gateway.admin) { calls in
        let answer = try await calls.json(.post, "/v1/admin/store/check")
        try StoreCommand.show(answer, json: gateway.json)
        if answer["result"]?.stringValue != "ok" { throw ExitCode.refused }
      }
    }
  }

  struct Compact: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give space that is free inside the store's file back to the disk.",
      discussion: "A little at a time: publishes come between.")

    @OptionGroup var gateway: GatewayOptions

    func run() async throws {
      try await withGateway(gateway.admin) { calls in
        try StoreCommand.show(try await calls.json(.post, "/v1/admin/store/compact"), json: gateway.json)
      }
    }
  }

  struct Backup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Copy the store, as of one moment, to a file.",
      discussion: """
        The gateway writes the file, on its own machine; publishing and reading go on meanwhile. To go back to a \
        backup, stop the gateway, put the copy in the place of the store's file, remove the files beside it that end \
        in -wal and -shm, and start again: readers that were further are told so by a gap.
        """)

    @OptionGroup var gateway: GatewayOptions

    @Argument(help: "The file to write, an absolute path; it must not be there yet.")
    var path: String

    func run() async throws {
      try await withGateway(gateway.admin) { calls in
        let body = JSONValue.object([("to", .string(path))])
        try StoreCommand.show(try await calls.json(.post, "/v1/admin/store/backup", body: body), json: gateway.json)
      }
    }
  }

  /// A line a field: lists one entry a line.
  private static func show(_ answer: JSONValue, json: Bool) throws {
    if json { return try StandardOutput.line(answer) }
    var table = TextTable([("FIELD", .left), ("VALUE", .left)])
    for (name, value) in answer.objectValue ?? [] {
      guard let list = value.arrayValue else {
        table.add(name, answer.text(name))
        continue
      }
      if list.isEmpty { table.add(name, "none") }
      for (index, entry) in list.enumerated() { table.add(index == 0 ? name : "", entry.stringValue ?? "") }
    }
    try StandardOutput.table(table)
  }
}
