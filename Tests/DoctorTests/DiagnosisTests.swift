import Doctor
import GatewayClient
import Testing

@Suite struct DiagnosisTests {
  @Test func `what broke is not used, and what is left is, in the gateway's order`() {
    var diagnosis = Diagnosis()
    diagnosis.offered = [.websocket, .sse, .poll]
    #expect(diagnosis.summary == "a browser client would use websocket, and fall back on sse, poll")
    diagnosis.add(Finding(.upgrade, .problem, "refused", transport: .websocket))
    #expect(diagnosis.usable == [.sse, .poll])
    #expect(
      diagnosis.summary == "a browser client would use sse, and fall back on poll; it cannot rely on websocket")
    diagnosis.keepsBrowsersOut = true
    #expect(diagnosis.summary == "a browser client would get nothing here")
  }

  @Test func `lines say what, why and where to mend it, and nothing that moves a cursor`() {
    let finding = Finding(
      .upgrade, .problem, "refused\u{1b}[2J", cause: "a proxy", [.nginx("proxy_http_version 1.1;"), .you("ask")])
    #expect(
      finding.lines == [
        "problem  upgrade    refused?[2J", "                    why:         a proxy",
        "                    nginx:       proxy_http_version 1.1;", "                    do:          ask",
      ])
  }

  @Test(arguments: [
    (Duration.microseconds(420), "0.4 ms"), (.milliseconds(12), "12 ms"), (.milliseconds(3240), "3.2 s"),
    (.seconds(75), "75 s"), (.seconds(1), "1 s"), (.milliseconds(9960), "10 s"), (.milliseconds(10), "10 ms"),
    (.microseconds(999_600), "1 s"),
  ])
  func `times are said as a person says them`(_ time: Duration, _ words: String) {
    #expect(time.words == words)
  }
}
