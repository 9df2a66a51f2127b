package import NIOCore
package import TLS

/// All that a connection needs to know.
package struct RedisSettings: Sendable, Equatable {
  package var endpoint: RedisEndpoint
  /// Instead of the endpoint's: so that a secret can stand elsewhere than in a URL.
  package var user: String?
  package var password: String?
  /// With the sentinels, which have users of their own.
  package var sentinelUser: String?
  package var sentinelPassword: String?
  /// Over TLS: a PEM file with those who vouch for the server; nil: whom the system trusts.
  package var caFile: String?
  /// Over TLS: shown to a server that asks for one.
  package var certificate: TLSSettings.Pair?
  /// For a connection to one server, its name's lookup with it, and again for TLS and the answer to our greeting. Each
  /// sentinel has as long.
  package var connectTimeout = TimeAmount.seconds(5)
  /// For a reply, where the command names no other time.
  package var replyTimeout = TimeAmount.seconds(10)
  /// What `CLIENT LIST` shows.
  package var clientName = "sluice"

  package init(_ endpoint: RedisEndpoint) { self.endpoint = endpoint }

  var login: Login? { Login(user: user ?? endpoint.user, password: password ?? endpoint.password) }
  var sentinelLogin: Login? { Login(user: sentinelUser, password: sentinelPassword) }

  struct Login {
    let user: String
    let password: String

    /// A password alone is the default user's, a user alone one without a password.
    init?(user: String?, password: String?) {
      let user = user.flatMap { $0.isEmpty ? nil : $0 }
      guard user != nil || password != nil else { return nil }
      self.user = user ?? "default"
      self.password = password ?? ""
    }
  }
}
