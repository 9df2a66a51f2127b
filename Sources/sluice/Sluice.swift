import ArgumentParser
import Gateway

/// The one command of everything: the gateway and its operator's tools.
@main
struct Sluice: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sluice",
    abstract: "A real-time gateway: publish over HTTP, subscribe over whatever the client can speak.",
    discussion: """
      Commands other than serve, config and version speak to a running gateway over HTTP: SLUICE_URL and \
      SLUICE_ADMIN_URL, or --url and --admin-url, say where.

      Exit codes:
        0    done
        1    the gateway refused (4xx), or closed the connection for good; a bench run was not complete;
             the doctor found a problem
        64   wrong usage
        69   the gateway cannot be reached, or cannot do it now (5xx)
        75   timed out
        78   the configuration has errors
        130  interrupted before the work was complete
      """,
    version: Version.string,
    subcommands: [
      ServeCommand.self, PublishCommand.self, SubscribeCommand.self, HistoryCommand.self, TopicsCommand.self,
      ConnectionsCommand.self, DisconnectCommand.self, DrainCommand.self, StoreCommand.self, BenchCommand.self,
      DoctorCommand.self, ConfigCommand.self, VersionCommand.self,
    ])
}
