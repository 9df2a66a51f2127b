import Configuration
import FoundationEssentials
import Gateway
import Testing

@Suite struct GzipNegotiationTests {
  @Test(arguments: [
    ([], false), (["gzip"], true), (["deflate", "GZip"], true), (["x-gzip;q=0.5"], true), (["br"], false),
    (["gzip;q=0"], false), (["gzip; q=0.000"], false), (["gzip ; Q=0.001"], true), (["*"], false),
  ])
  func `gzip is for those who name it`(accepted: [String], isTaken: Bool) {
    #expect(BrowserFiles.takesGzip(accepted) == isTaken)
  }
}

extension OverSockets {
  @Suite(.serialized) struct BrowserFilesTests {
    @Test(.timeLimit(.minutes(10)))
    func `the client is for pages of any origin, and is not sent twice`() async throws {
      try await withGateway { gateway in
        let page = [("Origin", "https://app.example.com")]
        let client = try await gateway.call("GET", "/client.js", headers: page)
        #expect(client.status == 200 && client["Content-Type"] == "text/javascript; charset=utf-8")
        #expect(client["Access-Control-Allow-Origin"] == "*" && client.text.contains("export class Sluice"))
        let etag = try #require(client["ETag"])
        let again = try await gateway.call("GET", "/client.js", headers: page + [("If-None-Match", etag)])
        #expect(again.status == 304 && again.text.isEmpty)
        let posted = try await gateway.call("POST", "/client.js")
        #expect(posted.status == 405 && posted["Allow"] == "GET, HEAD")
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `each file is served byte for byte as it is in the repository`() async throws {
      let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
      let folder = repository.appending(path: "Sources/BrowserClient")
      try await withGateway { gateway in
        for (path, file) in [
          ("/client.js", "Client/client.js"), ("/client.d.ts", "Client/client.d.ts"), ("/demo", "Demo/demo.html"),
          ("/demo.css", "Demo/demo.css"), ("/demo.js", "Demo/demo.js"),
        ] {
          let expected = try Data(contentsOf: folder.appending(path: file))
          #expect(try await gateway.call("GET", path).body.elementsEqual(expected), "\(path)")
        }
        for (path, file) in [
          ("/console", "Console/console.html"), ("/console.css", "Console/console.css"),
          ("/console.js", "Console/console.js"), ("/client.js", "Client/client.js"),
        ] {
          let expected = try Data(contentsOf: folder.appending(path: file))
          #expect(try await gateway.admin("GET", path).body.elementsEqual(expected), "\(path)")
        }
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `whoever takes gzip gets it, and each form is a thing of its own for caches`() async throws {
      try await withGateway { gateway in
        let plain = try await gateway.call("GET", "/client.js")
        let gzipped = try await gateway.call("GET", "/client.js", headers: [("Accept-Encoding", "gzip, deflate, br")])
        #expect(plain["Content-Encoding"] == nil && gzipped["Content-Encoding"] == "gzip")
        #expect(plain["Vary"] == "Accept-Encoding" && gzipped["Vary"] == "Accept-Encoding")
        #expect(gzipped.body.starts(with: [0x1f, 0x8b]) && gzipped.body.count < plain.body.count / 3)
        #expect(gzipped["ETag"] != nil && gzipped["ETag"] != plain["ETag"])
        let etag = try #require(gzipped["ETag"])
        let known = [("If-None-Match", etag)]
        let again = try await gateway.call("GET", "/client.js", headers: known + [("Accept-Encoding", "gzip")])
        #expect(again.status == 304)
        // Whoever has it gzipped, and takes that no more, has nothing.
        let other = try await gateway.call("GET", "/client.js", headers: known)
        #expect(other.status == 200 && other.body == plain.body)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `the console is the operators', with all that it reads; the demo is everybody's`() async throws {
      try await withGateway { gateway in
        let console = try await gateway.admin("GET", "/console")
        #expect(console.status == 200 && console.text.hasPrefix("<!doctype html>"))
        #expect(console["Content-Security-Policy"]?.contains("default-src 'none'") == true)
        for path in ["/console.css", "/console.js", "/client.js", "/v1/negotiate"] {
          #expect(try await gateway.admin("GET", path).status == 200, "\(path)")
        }
        #expect(try await gateway.admin("GET", "/demo").status == 404)
        for path in ["/demo", "/demo.css", "/demo.js"] {
          #expect(try await gateway.call("GET", path).status == 200, "\(path)")
        }
        #expect(try await gateway.call("GET", "/console").status == 404)
      }
      try await withGateway {
        $0.demo = false
      } _: { gateway in
        let page = try await gateway.call("GET", "/demo")
        #expect(page.status == 404)
      }
    }
  }
}
