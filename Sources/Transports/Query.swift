package import HTTPServer
package import WireFormat

/// A query's parameters, checked against those a resource knows: an unknown one is an error that names it.
package struct Query {
  private let parameters: [RequestTarget.Parameter]

  /// - Parameter repeatable: the ones that may be there more than once.
  package init(_ target: RequestTarget, allowed: [String], repeatable: [String] = []) throws(Problem) {
    var seen: Set<String> = []
    for parameter in target.parameters {
      guard allowed.contains(parameter.name) else {
        throw .unknownParameter(parameter.name, allowed: allowed)
      }
      guard repeatable.contains(parameter.name) || seen.insert(parameter.name).inserted else {
        throw .invalidParameter(parameter.name, "is there more than once; give it once")
      }
    }
    parameters = target.parameters
  }

  package subscript(_ name: String) -> String? { parameters.first { $0.name == name }?.value }

  package func all(_ name: String) -> [String] { parameters.filter { $0.name == name }.map(\.value) }

  package func int(_ name: String) throws(Problem) -> Int? {
    guard let text = self[name] else { return nil }
    guard let value = Int(text) else { throw .invalidParameter(name, "must be a whole number") }
    return value
  }
}
