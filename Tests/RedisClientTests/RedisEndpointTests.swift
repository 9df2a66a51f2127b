import RedisClient
import Testing

@Suite struct `A Redis URL` {
  @Test func `names one server`() throws {
    let endpoint = try RedisEndpoint("redis://cache.test")
    #expect(endpoint.hosts == [.init(host: "cache.test", port: 6379)])
    #expect(endpoint.masterName == nil)
    #expect(endpoint.database == 0)
    #expect(endpoint.user == nil)
    #expect(endpoint.password == nil)
    #expect(!endpoint.isSecure)
  }

  @Test func `says how to get in, and where`() throws {
    let endpoint = try RedisEndpoint("rediss://sluice:p%40ss%2Fw%C3%B6rd@[::1]:7000/3")
    #expect(endpoint.hosts == [.init(host: "::1", port: 7000)])
    #expect(endpoint.user == "sluice")
    #expect(endpoint.password == "p@ss/wörd")
    #expect(endpoint.database == 3)
    #expect(endpoint.isSecure)
  }

  @Test func `may have a password without a user, and a user without a password`() throws {
    #expect(try RedisEndpoint("redis://:secret@h").password == "secret")
    #expect(try RedisEndpoint("redis://:secret@h").user == "")
    #expect(try RedisEndpoint("redis://reader@h").user == "reader")
    #expect(try RedisEndpoint("redis://reader@h").password == nil)
    #expect(try RedisEndpoint("redis://reader:a:b@h").password == "a:b")
  }

  @Test func `names sentinels and their master`() throws {
    let endpoint = try RedisEndpoint("redis+sentinel://u:p@s1,s2:1000,[fe80::2]:2000/orders/1")
    #expect(
      endpoint.hosts == [
        .init(host: "s1", port: 26379), .init(host: "s2", port: 1000), .init(host: "fe80::2", port: 2000),
      ])
    #expect(endpoint.masterName == "orders")
    #expect(endpoint.database == 1)
    #expect(!endpoint.isSecure)
    #expect(try RedisEndpoint("rediss+sentinel://s/m").isSecure)
  }

  @Test(arguments: [
    ("rediss://u:secret@h:1/2", "rediss://u@h:1/2"),
    ("redis://:secret@h", "redis://h:6379"),
    ("redis+sentinel://u:secret@a,b/m/0", "redis+sentinel://u@a:26379,b:26379/m"),
    ("redis://[::1]/", "redis://[::1]:6379"),
  ])
  func `is shown without its password`(url: String, shown: String) throws {
    #expect(try RedisEndpoint(url).description == shown)
  }

  @Test(arguments: [
    ("localhost:6379", "not a Redis URL"),
    ("http://h", "scheme"),
    ("redis://", "a host is missing"),
    ("redis://u:secret@", "a host is missing"),
    ("redis://:6379", "a host is missing"),
    ("redis://h:0", "1 to 65535"),
    ("redis://h:65536", "1 to 65535"),
    ("redis://user:secret", "1 to 65535"),
    ("redis://::1", "a host is missing"),
    ("redis://fe80::1", "[ ]"),
    ("redis://[::1", "ends with ]"),
    ("redis://[::1]6379", "stands a :"),
    ("redis://h/x", "from 0 on"),
    ("redis://h/-1", "from 0 on"),
    ("redis://h/1/2", "more behind"),
    ("redis://a,b", "sentinels"),
    ("redis+sentinel://a,b", "what the sentinels call the master"),
    ("redis+sentinel://a,,b/m", "a host is missing"),
    ("redis://h?db=1", "%3F"),
    ("redis://u:sec/ret@h", "%2F"),
    ("redis://u:sec%ret@h", "%25"),
    ("redis://u:%ff@h", "UTF-8"),
  ])
  func `that is wrong is refused with words that do not repeat a password`(url: String, words: String) {
    #expect {
      try RedisEndpoint(url)
    } throws: { error in
      "\(error)".contains(words) && !"\(error)".contains("secret") && !"\(error)".contains("ret@")
    }
  }
}
