import GatewayClient
import Testing

@Suite struct GatewayURLTests {
  @Test(arguments: [
    ("http://127.0.0.1:8080", "127.0.0.1", 8080, "/"), ("http://h", "h", 80, "/"), ("HTTP://h:1/", "h", 1, "/"),
    ("http://h:1/a/b?x=1#f", "h", 1, "/a/b?x=1"), ("http://h?x=1", "h", 80, "/?x=1"),
    ("http://[::1]:9/p", "::1", 9, "/p"), ("http://[::1]", "::1", 80, "/"),
  ])
  func `a URL is taken apart`(_ text: String, _ host: String, _ port: Int, _ target: String) throws {
    #expect(try GatewayURL(text) == GatewayURL(host: host, port: port, target: target))
  }

  @Test(arguments: [
    ("https://h", 443, "https://h/"), ("wss://h:8443/p", 8443, "https://h:8443/p"),
    ("HTTPS://h:80", 80, "https://h:80/"),
  ])
  func `https means TLS and its own port`(_ text: String, _ port: Int, _ description: String) throws {
    let url = try GatewayURL(text)
    #expect(url.isSecure && url.port == port && url.description == description)
    #expect(url.appending("/v1").isSecure)
  }

  @Test(arguments: [
    ("ftp://h", "write http:// or https://"), ("h:80", "write it as http://host:port"),
    ("http://", "names no host"), ("http://:80", "names no host"), ("http://h:0", "ports are 1 to 65535"),
    ("http://h:65536", "ports are 1 to 65535"), ("http://h:x", "ports are 1 to 65535"),
    ("http://[::1", "never closes"), ("http://u:p@h", "user name"), ("http://h/ä", "percent-encoded"),
  ])
  func `a URL that cannot be used says why`(_ text: String, _ why: String) {
    let error = #expect(throws: GatewayClientError.self) { try GatewayURL(text) }
    #expect(error?.description.contains(why) == true, "\(String(describing: error))")
  }

  @Test func `a path in the base stays in front`() throws {
    #expect(try GatewayURL("http://h/rt/").appending("/v1/stream?a=1").description == "http://h/rt/v1/stream?a=1")
    #expect(try GatewayURL("http://[::1]:8080").appending("/v1/stream").description == "http://[::1]:8080/v1/stream")
  }

  @Test func `a query is percent-encoded`() {
    var query = QueryString()
    #expect(query.appended(to: "/p") == "/p")
    query.add("topic", "orders.*")
    query.add("topic", "a/b,c d&ä>")
    #expect(query.appended(to: "/p") == "/p?topic=orders.%2A&topic=a%2Fb%2Cc%20d%26%C3%A4%3E")
  }
}
