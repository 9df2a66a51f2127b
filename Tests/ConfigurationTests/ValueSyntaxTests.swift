import Configuration
import Testing

struct ValueSyntaxTests {
  // MARK: - Addresses

  @Test(arguments: [
    ("127.0.0.1:8080", "127.0.0.1", 8080), ("localhost:0", "localhost", 0), ("[::1]:0", "::1", 0),
    ("[fe80::1%2]:65535", "fe80::1%2", 65535), ("0.0.0.0:80", "0.0.0.0", 80),
    ("my-host.example_1:1", "my-host.example_1", 1),
  ])
  func `an address is read and written back`(text: String, host: String, port: Int) throws {
    let address = try loadConfiguration(environment: ["SLUICE_LISTEN": text]).configuration.listen
    #expect(address == ListenAddress(host: host, port: port))
    #expect(address.description == text)
  }

  @Test(arguments: [
    ("8080", "has no host; write 127.0.0.1:8080"), ("localhost", "has no port; write localhost:8080"),
    (":8080", "has no host; write 0.0.0.0:8080"), ("::1:8080", "needs brackets"), ("[::1]", "has no port"),
    ("[::1:8080", "has no closing bracket"), ("[name]:1", "needs an IPv6 address"), ("a:65536", "needs a port"),
    ("a:-1", "needs a port"), ("a:", "needs a port"), ("a:+1", "needs a port"), ("*:80", "0.0.0.0 is all interfaces"),
    ("http://a:80", "needs brackets around"), ("off", "has no port"),
  ])
  func `an address that is none is refused`(text: String, why: String) {
    let told = configurationErrors(environment: ["SLUICE_LISTEN": text])
    #expect(told.count == 1)
    #expect(told.first?.contains(why) == true, "\(told)")
  }

  @Test func `only the admin listener can be off`() throws {
    #expect(try loadConfiguration("admin: off").configuration.admin == nil)
    #expect(configurationErrors("listen: off").count == 1)
  }

  // MARK: - Stores

  @Test(arguments: [
    "memory", "sqlite:store.db", "sqlite:/var/lib/sluice/a b.db", "redis://127.0.0.1:6379",
    "rediss://redis.internal:6380/3", "redis+sentinel://10.0.0.1:26379,10.0.0.2:26379/main",
  ])
  func `a store is named by what it keeps its messages in`(text: String) throws {
    let setting = try #require(SettingTable.setting("store"))
    let configuration = try loadConfiguration(environment: ["SLUICE_STORE": text]).configuration
    #expect(setting.text(configuration) == text)
  }

  @Test func `a password in a store's URL is not shown`() throws {
    let setting = try #require(SettingTable.setting("store"))
    let loaded = try loadConfiguration(environment: ["SLUICE_STORE": "redis://me:secret@host:1/2"])
    #expect(!setting.text(loaded.configuration).contains("secret"))
  }

  @Test(arguments: [
    ("sqlite", "names no file; use sqlite:PATH"), ("sqlite:", "names no file; use sqlite:PATH, or memory"),
    ("sqlite::memory:", "names no file; use sqlite:PATH, or memory"),
  ])
  func `a durable store without a file is refused`(text: String, why: String) {
    #expect(configurationErrors(environment: ["SLUICE_STORE": text]) == ["SLUICE_STORE: store: \"\(text)\" \(why)"])
  }

  @Test func `an unknown store is refused`() {
    #expect(
      configurationErrors("store: mongo") == [
        "s.yaml:1: store: \"mongo\" is no store; use memory, sqlite:PATH or redis://HOST:PORT"
      ])
  }

  // MARK: - Trusted proxies

  @Test func `trusted proxies may stand on lines, alone, or between commas`() throws {
    let two = ["10.0.0.0/8", "2001:db8::1"]
    #expect(
      try loadConfiguration("proxy:\n  trusted:\n  - 10.0.0.0/8\n  - 2001:db8::1\n").configuration.proxy.trusted == two)
    #expect(try loadConfiguration("proxy: { trusted: 10.0.0.0/8 }").configuration.proxy.trusted == [two[0]])
    let environment = ["SLUICE_PROXY_TRUSTED": "10.0.0.0/8, 2001:db8::1"]
    #expect(try loadConfiguration(environment: environment).configuration.proxy.trusted == two)
  }

  @Test(arguments: [
    ("proxy.example.com", "is a name or no address at all"), ("10.0.0.0/33", "needs a prefix from 0 to 32"),
    ("10.0.0.1/8", "has bits set beyond its prefix; write 10.0.0.0/8 for the range or 10.0.0.1"),
  ])
  func `what is no address and no range is refused where it stands`(text: String, why: String) {
    let told = configurationErrors("proxy:\n  trusted:\n  - 127.0.0.1\n  - \(text)\n")
    #expect(told.count == 1)
    #expect(told.first?.hasPrefix("s.yaml:4: proxy.trusted[1]: \"\(text)\" \(why)") == true, "\(told)")
  }

  // MARK: - Origins

  @Test(arguments: [
    "*", "https://app.example.com", "http://localhost:3000", "https://[::1]:8443", "capacitor://localhost",
    "http://[::1]",
  ])
  func `an origin is allowed exactly as it is written`(origin: String) throws {
    let cors = try loadConfiguration(environment: ["SLUICE_CORS_ORIGINS": origin]).configuration.cors
    #expect(cors.origins == [origin])
    #expect(cors.allows(origin: origin))
    #expect(cors.allows(origin: "https://other.example.com") == (origin == "*"))
  }

  @Test(arguments: [
    ("app.example.com", "has no scheme"), ("https://App.example.com", "has capital letters"),
    ("https://app.example.com/", "has a path"), ("https://app.example.com/x", "a path; an origin ends"),
    ("https://app.example.com:443", "write https://app.example.com"), ("http://a:80", "write http://a"),
    ("https://*.example.com", "has a wildcard inside"), ("https://", "is no origin"), ("https://a:b", "is no origin"),
    ("https://a:0", "is no origin"), ("null", "no origin at all"), ("://a", "has no scheme"),
    ("https://user@a", "is no origin"),
  ])
  func `an origin that no browser sends is refused`(origin: String, why: String) {
    let told = configurationErrors(environment: ["SLUICE_CORS_ORIGINS": origin])
    #expect(told.count == 1)
    #expect(told.first?.contains(why) == true, "\(told)")
    #expect(told.first?.hasPrefix("SLUICE_CORS_ORIGINS: cors.origins[0]: ") == true)
  }

  @Test func `a star beside other origins is refused`() {
    #expect(
      configurationErrors("cors: { origins: [\"*\", \"https://a.example.com\"] }") == [
        "s.yaml:1: cors.origins: \"*\" allows every origin; write it alone or leave it out"
      ])
  }

  @Test func `origins may stand on lines, in brackets, alone, or between commas`() throws {
    let two = ["https://a.example.com", "https://b.example.com"]
    #expect(
      try loadConfiguration("cors:\n  origins:\n    - https://a.example.com\n    - https://b.example.com\n")
        .configuration.cors.origins == two)
    #expect(
      try loadConfiguration("cors: { origins: [https://a.example.com, https://b.example.com] }").configuration.cors
        .origins == two)
    #expect(try loadConfiguration("cors: { origins: \"*\" }").configuration.cors.origins == ["*"])
    #expect(
      try loadConfiguration(environment: ["SLUICE_CORS_ORIGINS": "https://a.example.com, https://b.example.com"])
        .configuration.cors.origins == two)
    #expect(try loadConfiguration(environment: ["SLUICE_CORS_ORIGINS": ""]).configuration.cors.origins == [])
  }
}
