/// Variables that begin with SLUICE_ and are no settings.
enum EnvironmentNames {
  /// The first names the file; the others are what the commands that speak to a gateway read.
  static let others = ["SLUICE_CONFIG", "SLUICE_URL", "SLUICE_ADMIN_URL", "SLUICE_CA", "SLUICE_TOKEN"]

  static func isNoSetting(_ name: String, value: String) -> Bool {
    others.contains(name) || isServiceLink(name, value: value)
  }

  /// What Kubernetes puts into every pod beside a service named `sluice` or `sluice-…`: `SLUICE_SERVICE_HOST`,
  /// `SLUICE_PORT` with a URL, `SLUICE_PORT_8080_TCP_ADDR`. A gateway must start there too.
  private static func isServiceLink(_ name: String, value: String) -> Bool {
    if name.hasSuffix("_SERVICE_HOST") || name.contains("_SERVICE_PORT") { return true }
    if name.hasSuffix("_PORT") { return value.contains("://") }
    let parts = name.split(separator: "_")
    return parts.indices.dropLast(2).contains { index in
      parts[index] == "PORT" && UInt16(decimal: parts[index + 1]) != nil
        && ["TCP", "UDP", "SCTP"].contains(parts[index + 2])
    }
  }
}
