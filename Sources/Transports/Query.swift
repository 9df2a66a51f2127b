package import HTTPServer
package import WireFormat

/// A query's parameters, checked against those a resource knows: an unknown one is an error that names it.
package struct Query {
  private let parameters: [RequestTarget.Parameter]

  /// - Parameter repeatable: the ones that may be there more than once.
  package init(_ target: RequestTarget, allowed: [String], repeatable: [String] = []) throws(Problem) {
    for (index, parameter) in target.parameters.enumerated() {
      guard allowed.contains(where: { $0.isSame(as: parameter.name) }) else {
        throw .unknownParameter(parameter.name, allowed: allowed)
      }
      // Looks back once for each of the few names that may not be repeated.
      guard
        repeatable.contains(parameter.name)
          || !target.parameters[..<index].contains(where: { $0.name.isSame(as: parameter.name) })
      else {
        throw .invalidParameter(parameter.name, "is there more than once; give it once")
      }
    }
    parameters = target.parameters
  }

  package subscript(_ name: String) -> String? { parameters.first { $0.name.isSame(as: name) }?.value }

  package func all(_ name: String) -> [String] { parameters.compactMap { $0.name.isSame(as: name) ? $0.value : nil } }

  package func int(_ name: String) throws(Problem) -> Int? {
    guard let text = self[name] else { return nil }
    guard let value = Int(text) else { throw .invalidParameter(name, "must be a whole number") }
    return value
  }
}

extension String {
  /// As bytes: most names differ in length already.
  fileprivate func isSame(as other: String) -> Bool { utf8.count == other.utf8.count && self == other }
}
