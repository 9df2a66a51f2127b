import HTTPServer
import NIOCore
import StreamStores
import Transports
import WireFormat

/// What operators ask of the store.
extension AdminRoutes {
  func perform(_ task: StoreTask, _ exchange: any HTTPExchange) {
    let answer = LoopAnswer<Result<StoreReport, StoreTaskRefusal>>(exchange.eventLoop) { result in
      switch result {
      case .success(let report): exchange.respond(200, json: report.json.encoded)
      case .failure(let refusal): exchange.refuse(refusal.problem)
      }
    }
    gateway.store.perform(task) { answer.execute($0) }
  }

  func backUp(_ exchange: any HTTPExchange) {
    readObject(exchange) { [self] (object) throws(Problem) in
      try object.check(allowed: ["to"])
      guard let path = try object.string("to"), !path.isEmpty else {
        throw .missingParameter("to", "names the file to write, on the gateway's machine")
      }
      perform(.backup(to: path), exchange)
    }
  }
}

extension StoreReport {
  fileprivate var json: JSONValue {
    .object(
      fields.map { name, value in
        switch value {
        case .text(let text): (name, .string(text))
        case .number(let number), .bytes(let number): (name, .int(number))
        case .texts(let texts): (name, .array(texts.map(JSONValue.string)))
        }
      })
  }
}

extension StoreTaskRefusal {
  fileprivate var problem: Problem {
    switch kind {
    case .unsupported: .storeCannot(reason)
    case .invalid: .invalidParameter("to", reason)
    case .failed: .storeUnavailable(reason: reason)
    }
  }
}
