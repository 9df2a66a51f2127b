import Configuration
import HTTPServer
import NIOCore
import HTTPSyntax
import StreamLog
import Transports
import WireFormat

/// What clients and publishers reach: which resource a path is, and which methods it has.
final class PublicRoutes {
  let context: TransportContext
  let configuration: GatewayConfiguration
  let crossOrigin: CrossOrigin
  private let files: BrowserFiles

  init(context: TransportContext, configuration: GatewayConfiguration) {
    self.context = context
    self.configuration = configuration
    crossOrigin = CrossOrigin(configuration)
    files = BrowserFiles.open(demo: configuration.demo)
  }

  enum Resource {
    case stream
    case negotiate
    case publish
    case messages(rawTopic: String)
    case topic(rawTopic: String)
    case echo

    /// - Parameter path: not decoded yet: a topic may have slashes, escaped or not.
    init?(path: String) {
      switch path {
      case "/v1/stream": self = .stream
      case "/v1/negotiate": self = .negotiate
      case "/v1/publish": self = .publish
      case "/v1/diagnostics/echo": self = .echo
      default:
        let prefix = "/v1/topics/"
        guard path.hasPrefix(prefix), path.utf8.count > prefix.utf8.count else { return nil }
        let rest = path.utf8.dropFirst(prefix.utf8.count)
        let suffix = "/messages"
        self =
          rest.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
          ? .messages(rawTopic: String(Substring(rest.dropLast(suffix.utf8.count))))
          : .topic(rawTopic: String(Substring(rest)))
      }
    }

    /// Whether the listener for operators has it, too.
    var isForOperators: Bool {
      if case .echo = self { false } else { true }
    }

    /// HEAD is where GET has a whole answer; a stream has no end.
    var methods: [String] {
      switch self {
      case .stream: ["GET", "POST"]
      case .negotiate: ["GET", "HEAD"]
      case .echo: ["GET"]
      case .publish: ["POST"]
      case .messages: ["GET", "HEAD", "POST"]
      case .topic: ["GET", "HEAD", "DELETE"]
      }
    }
  }

  /// - Parameter forOperators: it came to their listener, whose pages stay with it whatever the public URL is.
  func route(_ exchange: any HTTPExchange, forOperators: Bool = false) {
    let path = exchange.request.target.rawPath
    // Of these nobody has to be kept away.
    if files.contains(path) { return files.answer(exchange, path) }
    var headers: HTTPHeaders = [:]
    do throws(Problem) {
      headers = try crossOrigin.check(exchange.request)
      guard let resource = Resource(path: path) else { throw .notFound(path) }
      if case .echo = resource, !configuration.diagnostics.echo { throw .notFound(path) }
      let method = exchange.request.method
      if method == "OPTIONS" { return answerOptions(exchange, resource, headers) }
      guard resource.methods.contains(method) else {
        headers.add(name: "Allow", value: resource.methods.joined(separator: ", "))
        throw .methodNotAllowed(method, allowed: resource.methods)
      }
      try serve(exchange, resource, headers, publicURL: forOperators ? nil : configuration.publicURL)
    } catch {
      exchange.refuse(error, headers: headers)
    }
  }

  private func answerOptions(_ exchange: any HTTPExchange, _ resource: Resource, _ headers: HTTPHeaders) {
    var headers = headers
    headers.add(name: "Allow", value: (resource.methods + ["OPTIONS"]).joined(separator: ", "))
    if headers.contains(name: "Access-Control-Allow-Origin") { headers.add(contentsOf: CrossOrigin.preflight) }
    exchange.respond(HTTPResponse(status: 204, headers: headers))
  }

  private func serve(
    _ exchange: any HTTPExchange, _ resource: Resource, _ headers: HTTPHeaders, publicURL: String?
  ) throws(Problem) {
    switch (resource, exchange.request.method) {
    case (.stream, "POST"):
      let limit = configuration.limits.batchBytes
      readBody(exchange, limit: limit, Problem.bodyTooLarge, headers) { [self] (body) throws(Problem) in
        open(try StreamRequest(exchange.request, body: body, limits: context.settings.requests), exchange, headers)
      }
    case (.stream, _):
      open(try StreamRequest(exchange.request, limits: context.settings.requests), exchange, headers)
    case (.negotiate, _):
      try negotiate(exchange, headers, publicURL: publicURL)
    case (.publish, _):
      try publishBatch(exchange, headers)
    case (.messages(let topic), "POST"):
      try publish(exchange, to: topic, headers)
    case (.messages(let topic), _):
      try history(exchange, of: topic, headers)
    case (.topic(let topic), "DELETE"):
      try erase(exchange, topic, headers)
    case (.topic(let topic), _):
      try describe(exchange, topic, headers)
    case (.echo, _):
      guard exchange.request.wantsWebSocket else {
        throw .upgradeRequired("The echo is a WebSocket: send 'Connection: Upgrade' and 'Upgrade: websocket'.")
      }
      EchoSocket.open(exchange, headers: headers, context: context)
    }
  }

  private func open(_ request: StreamRequest, _ exchange: any HTTPExchange, _ headers: HTTPHeaders) {
    StreamTransport.open(exchange, request, headers: headers, context: context)
  }

  // MARK: What several resources need

  /// Reads the body and goes on; what `body` throws, and a body that is too long, is answered.
  ///
  /// - Parameter tooLarge: what is said of a body with more than so many bytes.
  func readBody(
    _ exchange: any HTTPExchange, limit: Int, _ tooLarge: @escaping (Int) -> Problem, _ headers: HTTPHeaders,
    _ body: @escaping ([UInt8]) throws(Problem) -> Void
  ) {
    exchange.readBody(limit: limit) { result in
      switch result {
      case .success(let bytes):
        do throws(Problem) {
          try body(Array(bytes.readableBytesView))
        } catch {
          exchange.refuse(error, headers: headers)
        }
      case .failure(.tooLarge(let limit)):
        exchange.refuse(tooLarge(limit), headers: headers)
      case .failure(.timedOut), .failure(.malformed), .failure(.closed):
        break
      }
    }
  }

  /// The topic a path names.
  func topic(_ raw: String, forPublishing: Bool = false) throws(Problem) -> TopicName {
    guard let name = RequestTarget.percentDecode(raw) else {
      throw .badRequest("The topic in the path has a broken percent escape; write two hexadecimal digits after each %.")
    }
    if forPublishing { return try PublishItem.topic(name) }
    do throws(TopicSyntaxError) {
      return try TopicName(name)
    } catch {
      throw .invalidTopic(name, error)
    }
  }
}
