import ArgumentParser
import GatewayClient
import WireFormat

/// `sluice history`: what a topic still holds.
struct HistoryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history",
    abstract: "Print the messages a topic still holds, oldest first.")

  @OptionGroup var gateway: GatewayOptions

  @Argument(help: "The topic.")
  var topic: String

  @Option(help: ArgumentHelp("Begin after this id. (default: the oldest message held)", valueName: "id"))
  var since: String?

  @Option(help: "Print at most this many messages.")
  var limit = 100

  @Flag(help: "Print all of them.")
  var all = false

  func validate() throws {
    if limit < 1 { throw ValidationError("--limit must be at least 1") }
  }

  func run() async throws {
    try await withGateway(gateway.gateway) { calls in
      var rest = all ? Int.max : limit
      var since = since ?? "earliest"
      var pages = PageLimit(default: min(rest, PageLimit.historyDefault))
      while rest > 0 {
        let page = try await page(since: since, rest: rest, &pages, calls)
        for item in page.items {
          let raw = Array(item)
          try StandardOutput.line(gateway.json ? raw : Array(MessageLine.text(ofItem: raw).utf8))
          if ReceivedObject(raw)?.string("type") == nil { rest -= 1 }
        }
        guard !page.items.isEmpty, page.next != since else { return }
        since = page.next
      }
    }
  }

  /// One page of at most `rest` messages. While answers are cut, asks for smaller and smaller ones.
  private func page(
    since: String, rest: Int, _ pages: inout PageLimit, _ calls: GatewayCalls
  ) async throws -> MessagePage {
    while true {
      var query = QueryString()
      query.add("since", since)
      let limit = min(rest, pages.current ?? PageLimit.historyDefault)
      // Left out where it is the default: the operator's pages may be smaller.
      if limit < PageLimit.historyDefault { query.add("limit", "\(limit)") }
      do {
        let page = try await calls.page(query.appended(to: "\(GatewayCalls.path(ofTopic: topic))/messages"))
        pages.arrived(page.items.count)
        return page
      } catch GatewayClientError.answerCut where pages.cut() {
        continue
      } catch GatewayClientError.refused(let refusal) where refusal.isOfLimit && pages.refused() {
        continue
      }
    }
  }
}
