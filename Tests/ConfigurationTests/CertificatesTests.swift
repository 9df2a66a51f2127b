import Configuration
import Testing

struct CertificatesTests {
  private typealias Pair = GatewayConfiguration.TLS.Pair

  @Test func `certificates are pairs of files, in their order and as they were written`() throws {
    let tls = try loadConfiguration(
      """
      tls:
        certificates:
          - certificate: ./a/../chain.pem
            key: "~/key of a.pem"
          - { key: b.key, certificate: b.pem }
      """
    ).configuration.tls
    #expect(
      tls.certificates == [
        Pair(certificate: "./a/../chain.pem", key: "~/key of a.pem"), Pair(certificate: "b.pem", key: "b.key"),
      ])
    #expect(tls.clientCertificates == .off)
    #expect(tls.clientAuthorities == nil && tls.ticketKey == nil)
  }

  @Test func `certificates in the environment are YAML in one line`() throws {
    let environment = ["SLUICE_TLS_CERTIFICATES": "[{certificate: a, key: b}]"]
    #expect(
      try loadConfiguration(environment: environment).configuration.tls.certificates == [
        Pair(certificate: "a", key: "b")
      ])
    #expect(try loadConfiguration(environment: ["SLUICE_TLS_CERTIFICATES": ""]).configuration.tls.certificates == [])
  }

  @Test(arguments: ["a\"b", "back\\slash", "{ a: b }", "*x", "# no comment", "a, b", " blank ", "ü.pem", "null", "'"])
  func `any name of a file survives being written and read again`(name: String) throws {
    let pair = Pair(certificate: name, key: "k")
    let flag = ConfigurationFlag(path: "tls.certificates", spelling: "--tls-certificate", value: "[\(pair)]")
    #expect(try loadConfiguration(flags: [flag]).configuration.tls.certificates == [pair])
  }

  @Test(arguments: [
    ("- a.pem", "tls.certificates[0]: found \"a.pem\", expected a pair of certificate and key"),
    (
      "- {certificate: a}",
      "tls.certificates[0]: has no key; a pair is { certificate: chain.pem, key: key.pem }"
    ),
    (
      "- {key: a}",
      "tls.certificates[0]: has no certificate; a pair is { certificate: chain.pem, key: key.pem }"
    ),
    (
      "- {certificate: a, key: b, chain: c}",
      "tls.certificates[0].chain: is unknown; here may stand certificate, key"
    ),
    ("- {certificate: a, key: [b]}", "tls.certificates[0].key: found a list, expected the name of a file"),
    ("- {certificate: '', key: b}", "tls.certificates[0].certificate: found \"\", expected the name of a file"),
    ("- {certificate: a, key: }", "tls.certificates[0].key: found nothing, expected the name of a file"),
    (
      "- {certificate: \"a\\nb\", key: b}",
      "tls.certificates[0].certificate: \"a\nb\" holds a control character and names no file"
    ),
  ])
  func `a pair that is none is refused where it is wrong`(pair: String, told: String) {
    #expect(configurationErrors("tls:\n  certificates:\n    \(pair)\n") == ["s.yaml:3: \(told)"])
    #expect(
      configurationErrors(environment: ["SLUICE_TLS_CERTIFICATES": pair]) == ["SLUICE_TLS_CERTIFICATES: \(told)"])
  }

  @Test func `a mistyped member is told with the nearest known one`() {
    #expect(
      configurationErrors("tls: { certificates: [{ certficate: a, key: b }] }") == [
        "s.yaml:1: tls.certificates[0].certficate: is unknown (did you mean certificate?); here may stand certificate, key",
        "s.yaml:1: tls.certificates[0]: has no certificate; a pair is { certificate: chain.pem, key: key.pem }",
      ])
  }

  @Test func `the same pair twice is refused with both places`() {
    let told = "tls.certificates[2]: is the pair that stands"
    #expect(
      configurationErrors(
        """
        tls:
          certificates:
            - { certificate: a, key: b }
            - { certificate: a, key: c }
            - { certificate: a, key: b }
        """) == ["s.yaml:5: \(told) on line 3 already; keep one of the two"])
    let environment = ["SLUICE_TLS_CERTIFICATES": "[{certificate: a, key: b}, {certificate: a, key: b}]"]
    #expect(
      configurationErrors(environment: environment) == [
        "SLUICE_TLS_CERTIFICATES: tls.certificates[1]: is the pair that stands before already; keep one of the two"
      ])
  }

  @Test func `a file left empty is no file`() throws {
    let yaml = "tls: { client_authorities: , ticket_key: \"\" }"
    let tls = try loadConfiguration(yaml).configuration.tls
    #expect(tls.clientAuthorities == nil && tls.ticketKey == nil)
    #expect(
      configurationErrors("tls: { ticket_key: [a] }") == [
        "s.yaml:1: tls.ticket_key: found a list, expected the name of a file, or nothing"
      ])
  }

  @Test func `words are refused with those that are known`() {
    #expect(
      configurationErrors("tls: { client_certificates: optionl }") == [
        "s.yaml:1: tls.client_certificates: \"optionl\" is not one of off, optional, required (did you mean optional?)"
      ])
  }
}
