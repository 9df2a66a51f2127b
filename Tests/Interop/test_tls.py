"""TLS as other implementations see it, and certificates that are replaced while everything goes on."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time

import pytest

from support.gateway import BINARY, ENVIRONMENT, wait_for
from support.http2 import HTTP2
from support.readers import open_reader


def s_client(gateway, *arguments, text=""):
    """What `openssl s_client` says of a connection on which `text` is sent."""
    result = subprocess.run(
        ["openssl", "s_client", "-connect", f"{gateway.host}:{gateway.port}", "-CAfile", str(gateway.authority),
         *arguments],
        input=text, capture_output=True, text=True, timeout=30, errors="replace")
    return result.stdout + result.stderr


def configured(*pairs, more=""):
    entries = ", ".join(f"{{ certificate: {pair.certificate}, key: {pair.key} }}" for pair in pairs)
    return f"tls: {{ certificates: [{entries}]{more} }}\nadmin: 127.0.0.1:0\n"


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_versions(secure_gateway, version):
    said = s_client(secure_gateway, version, "-verify_return_error", "-verify_hostname", "localhost")
    assert "Verify return code: 0 (ok)" in said
    assert f"Protocol  : TLSv{version[4:].replace('_', '.')}" in said or f"New, TLSv{version[4:].replace('_', '.')}" in said


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(secure_gateway, version):
    said = s_client(secure_gateway, version, "-cipher", "ALL:@SECLEVEL=0")
    assert "alert protocol version" in said and "Cipher is (NONE)" in said


@pytest.mark.parametrize("cipher", ["AES128-SHA", "ECDHE-RSA-AES128-SHA", "NULL-SHA256"])
def test_weak_ciphers_are_refused(secure_gateway, cipher):
    said = s_client(secure_gateway, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")
    assert "handshake failure" in said


@pytest.mark.parametrize("offer, chosen", [
    ("h2,http/1.1", "h2"), ("http/1.1,h2", "h2"), ("http/1.1", "http/1.1"), ("http/1.0", "http/1.0"), (None, None)])
def test_alpn(secure_gateway, offer, chosen):
    said = s_client(secure_gateway, *(["-alpn", offer] if offer else []))
    assert (f"ALPN protocol: {chosen}" if chosen else "No ALPN negotiated") in said


def test_alpn_without_anything_in_common(secure_gateway):
    assert "alert no application protocol" in s_client(secure_gateway, "-alpn", "spdy/3")


def test_a_request_without_alpn_is_http1(secure_gateway):
    said = s_client(
        secure_gateway, "-quiet", text="GET /v1/negotiate HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert "HTTP/1.1 200 OK" in said and '"wss://localhost/v1/stream"' in said


def test_certificates_by_name(start, certificates):
    """The exact name, a wildcard of one label, and the first one for everybody else; RSA for those who know only that."""
    first = certificates.issue("first.test", ["first.test"])
    wild = certificates.issue("*.wild.test", ["*.wild.test"])
    exact = certificates.issue("a.wild.test", ["a.wild.test"])
    rsa = certificates.issue("first.test", ["first.test"], rsa=True)
    gateway = start(configured(first, wild, exact, rsa), authority=certificates.file)

    def shown(*arguments):
        return re.search(r"subject=CN\s*=\s*(\S+)", s_client(gateway, *arguments)).group(1)

    assert shown("-servername", "first.test") == "first.test"
    assert shown("-servername", "b.wild.test") == "*.wild.test"
    assert shown("-servername", "A.Wild.Test") == "a.wild.test"
    assert shown("-servername", "b.c.wild.test") == "first.test"
    assert shown("-servername", "unknown.test") == "first.test"
    assert shown("-noservername") == "first.test"
    assert "Peer signature type: RSA" in s_client(
        gateway, "-servername", "first.test", "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256")
    assert "Peer signature type: ECDSA" in s_client(
        gateway, "-servername", "first.test", "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256")


# Resumption

REQUEST = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def resumes(folder, first, second, version, *arguments):
    """Whether a session that began at one gateway is taken up at another."""
    session = folder / f"session-{time.monotonic_ns()}"
    said = s_client(first, version, "-ign_eof", "-sess_out", str(session), *arguments, text=REQUEST)
    assert session.exists(), said
    said = s_client(second, version, "-ign_eof", "-sess_in", str(session), *arguments, text=REQUEST)
    assert "Reused, " in said or "New, " in said, said
    return "Reused, " in said


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_sessions_are_resumed_across_reloads_and_nodes(start, certificates, tmp_path, version):
    pair = certificates.issue("localhost", ["localhost", "127.0.0.1"])
    key = tmp_path / "tickets"
    key.write_bytes(os.urandom(80))
    mine = start(configured(pair), authority=certificates.file)
    assert resumes(tmp_path, mine, mine, version)
    mine.signal(signal.SIGHUP)
    wait_for(lambda: "certificates reloaded" in mine.log, "the reload")
    assert resumes(tmp_path, mine, mine, version)
    shared = f", ticket_key: {key}"
    other = certificates.issue("localhost", ["localhost", "127.0.0.1"])
    one = start(configured(pair, more=shared), authority=certificates.file)
    two = start(configured(other, more=shared), authority=certificates.file)
    assert resumes(tmp_path, one, two, version), "one key, two nodes, and a certificate that is another"
    assert not resumes(tmp_path, one, mine, version), "another key"
    assert two.metric('sluice_tls_handshakes_total{outcome="resumed"}') == 1


def test_tls_1_3_and_http2_resume_in_the_python_library(secure_gateway):
    context = ssl.create_default_context(cafile=secure_gateway.authority)
    session = None
    for reused in [False, True]:
        with socket.create_connection((secure_gateway.host, secure_gateway.port), timeout=10) as wire:
            with context.wrap_socket(wire, server_hostname="localhost", session=session) as secure:
                secure.sendall(b"GET /v1/negotiate HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert secure.recv(65536).startswith(b"HTTP/1.1 200")
                assert secure.session_reused is reused
                session = secure.session


# Client certificates


@pytest.mark.parametrize("mode", ["optional", "required"])
def test_client_certificates(start, certificates, tmp_path, mode):
    pair = certificates.issue("localhost", ["localhost", "127.0.0.1"])
    good = certificates.issue("client", client=True)
    (tmp_path / "others").mkdir()
    stranger = type(certificates)(tmp_path / "others").issue("stranger", client=True)
    gateway = start(
        configured(pair, more=f", client_certificates: {mode}, client_authorities: {certificates.file}"),
        authority=certificates.file)

    def answered(pair=None):
        arguments = ["-cert", str(pair.certificate), "-key", str(pair.key)] if pair else []
        return "HTTP/1.1 404" in s_client(gateway, "-ign_eof", *arguments, text=REQUEST)

    assert answered(good)
    assert answered() is (mode == "optional")
    assert not answered(stranger)
    for version in ["-tls1_2", "-tls1_3"]:
        assert resumes(tmp_path, gateway, gateway, version, "-cert", str(good.certificate), "-key", str(good.key))


# Replacing certificates


def serial(gateway):
    context = ssl.create_default_context(cafile=gateway.authority)
    with socket.create_connection((gateway.host, gateway.port), timeout=10) as wire:
        with context.wrap_socket(wire, server_hostname="localhost") as secure:
            return secure.getpeercert()["serialNumber"]


def replace(target, source):
    """As certificate tools do it: the new file takes the old one's name at once."""
    shutil.copy(source, f"{target}.new")
    os.replace(f"{target}.new", target)


@pytest.mark.parametrize("how", ["signal", "files"])
def test_renewal_drops_nobody(start, certificates, tmp_path, topic, how):
    names = ["localhost", "127.0.0.1"]
    first, second, expired, other = (
        certificates.issue("localhost", names), certificates.issue("localhost", names),
        certificates.issue("localhost", names, days=0), certificates.issue("localhost", names))
    mine = type(first)(tmp_path / "certificate.pem", tmp_path / "key.pem")

    def install(certificate, key):
        replace(mine.certificate, certificate)
        replace(mine.key, key)

    install(first.certificate, first.key)
    interval = "200ms" if how == "files" else "1h"
    gateway = start(configured(mine, more=f", reload_interval: {interval}"), authority=certificates.file)
    readers = [open_reader(gateway, version, "sse", [topic], "earliest") for version in ["http1", "http2"]]
    before = serial(gateway)

    def reload(words):
        if how == "signal":
            gateway.signal(signal.SIGHUP)
        wait_for(lambda: words in gateway.log, words)

    install(second.certificate, second.key)
    reload("certificates reloaded")
    wait_for(lambda: serial(gateway) != before, "the new certificate")
    after = serial(gateway)
    for certificate, key, words in [
        (expired.certificate, expired.key, "renew it"), (first.certificate, other.key, "is not the key of"),
        (first.certificate, first.certificate, "has no private key in PEM form")]:
        install(certificate, key)
        reload(words)
        assert serial(gateway) == after, "the old one stays in force"
    assert "the old ones stay in force" in gateway.log
    gateway.publish(topic, "still here")
    for reader in readers:
        assert reader.take(1) == ["still here"]
        reader.close()
    assert gateway.metric('sluice_tls_reloads_total{outcome="failed"}') >= 3
    install(other.certificate, other.key)
    if how == "signal":
        gateway.signal(signal.SIGHUP)
    wait_for(lambda: serial(gateway) not in (before, after), "the last certificate")


# Configuration


def check(folder, text):
    file = folder / "sluice.yaml"
    file.write_text(text)
    result = subprocess.run(
        [BINARY, "config", "check", "--config", str(file)], capture_output=True, text=True, env=ENVIRONMENT)
    return result.returncode, result.stdout + result.stderr


def test_config_check_reads_certificates(certificates, tmp_path):
    good = certificates.issue("localhost", ["localhost", "127.0.0.1"])
    other = certificates.issue("other.test", ["other.test"])
    expired = certificates.issue("old.test", ["old.test"], days=0)
    code, said = check(tmp_path, configured(good, other))
    assert code == 0 and re.search(r"localhost.*until 20\d\d-.*for localhost, 127\.0\.0\.1", said), said
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "pkey", "-in", good.key, "-aes256", "-passout", "pass:secret", "-out", locked], check=True,
        capture_output=True)
    short = tmp_path / "short.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=short", "-keyout", short, "-out",
         tmp_path / "short.pem"], check=True, capture_output=True)
    pair = type(good)
    wrong = [
        (pair(good.certificate, other.key), "is not the key of"),
        (expired, "ended"),
        (pair(tmp_path / "nowhere.pem", good.key), "nowhere.pem cannot be read: No such file or directory"),
        (pair(good.key, good.key), "has no certificate in PEM form"),
        (pair(good.certificate, locked), "is locked by a password; write it without one"),
        (pair(tmp_path / "short.pem", short), "too short to be safe"),
    ]
    for bad, words in wrong:
        code, said = check(tmp_path, configured(bad))
        assert code == 78 and words in said, said
    code, said = check(tmp_path, configured(*[bad for bad, _ in wrong]))
    assert code == 78 and all(words in said for _, words in wrong), said
    (tmp_path / "tickets").write_bytes(b"short")
    code, said = check(tmp_path, configured(good, more=f", ticket_key: {tmp_path / 'tickets'}"))
    assert code == 78 and "has 5 bytes; it must be 80 random bytes: head -c 80 /dev/urandom" in said


def test_it_does_not_start_with_what_is_wrong(certificates, tmp_path):
    file = tmp_path / "sluice.yaml"
    file.write_text(configured(certificates.issue("old.test", ["old.test"], days=0)))
    result = subprocess.run(
        [BINARY, "serve", "--config", str(file), "--listen", "127.0.0.1:0"], capture_output=True, text=True,
        env=ENVIRONMENT, timeout=30)
    assert result.returncode == 69 and "renew it" in result.stderr, result.stderr


# Clients without manners


def test_plain_http_is_told_to_use_tls(secure_gateway):
    status, _, body = secure_gateway.request("GET", f"http://{secure_gateway.host}:{secure_gateway.port}/v1/negotiate")
    assert status == 400 and "this port speaks TLS: use https:// or wss://" in json.loads(body)["detail"]


@pytest.mark.parametrize("sent", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_a_slow_handshake_ends(start, certificates, sent):
    gateway = start(
        configured(certificates.issue("localhost", ["localhost", "127.0.0.1"]))
        + "limits: { tls_handshake_time: 1s }\n", authority=certificates.file)
    with socket.create_connection((gateway.host, gateway.port), timeout=20) as wire:
        wire.sendall(sent)
        assert wire.recv(1) == b""
    assert gateway.metric('sluice_tls_handshakes_total{outcome="timeout"}') == 1


def test_garbage_and_broken_handshakes(secure_gateway, topic):
    reader = open_reader(secure_gateway, "http2", "ndjson", [topic], "earliest")
    hello = bytes.fromhex("16030100" + "05" + "0100000100")
    for data in [b"\x00" * 500, os.urandom(2000), hello, b"\x16\x03\x01\xff\xff" + b"x" * 100, b"\x80\x2e\x01\x03\x01"]:
        with socket.create_connection((secure_gateway.host, secure_gateway.port), timeout=20) as wire:
            # The gateway may close at the first wrong byte, before or while the rest is sent.
            with contextlib.suppress(OSError):
                wire.sendall(data)
                wire.shutdown(socket.SHUT_WR)
                while wire.recv(65536):
                    pass
    secure_gateway.publish(topic, "served")
    assert reader.take(1) == ["served"]
    reader.close()


def test_a_connection_too_many_is_told(start, certificates):
    gateway = start(
        configured(certificates.issue("localhost", ["localhost", "127.0.0.1"])) + "limits: { connections: 1 }\n",
        authority=certificates.file)
    with HTTP2(gateway.host, gateway.port, gateway.authority) as first:
        assert first.request("GET", "/v1/negotiate").status == "200"
        with HTTP2(gateway.host, gateway.port, gateway.authority) as second:
            assert second.request("GET", "/v1/negotiate").status == "503"
        status, _, _ = gateway.request("GET", "/v1/negotiate")
        assert status == 503


# Our own command line


def sluice(*arguments, **environment):
    result = subprocess.run(
        [BINARY, *map(str, arguments)], capture_output=True, text=True, env=ENVIRONMENT | environment, timeout=60)
    return result.returncode, result.stdout + result.stderr


@pytest.mark.parametrize("transport", ["websocket", "sse", "ndjson", "poll"])
def test_the_command_line_over_tls(secure_gateway, topic, transport):
    there = ["--url", secure_gateway.url, "--ca", secure_gateway.authority]
    for number in range(3):
        code, said = sluice("publish", topic, f'{{"n":{number}}}', *there)
        assert code == 0, said
    code, said = sluice(
        "subscribe", topic, "--since", "earliest", "--count", 3, "--transport", transport, "--json", *there)
    assert code == 0 and [json.loads(line)["data"]["n"] for line in said.splitlines()] == [0, 1, 2], said


def test_the_command_line_and_certificates(secure_gateway, certificates, topic, tmp_path):
    code, said = sluice("publish", topic, "1", "--url", secure_gateway.url)
    assert code == 69 and "certificate is not trusted" in said and "--ca FILE" in said, said
    assert sluice("publish", topic, "1", "--url", secure_gateway.url, "--insecure")[0] == 0
    assert sluice("publish", topic, "1", SLUICE_URL=secure_gateway.url, SLUICE_CA=str(certificates.file))[0] == 0
    code, said = sluice("publish", topic, "1", "--url", secure_gateway.url, "--ca", tmp_path / "nowhere")
    assert code == 64 and "nowhere cannot be read" in said, said
    code, said = sluice("publish", topic, "1", "--url", secure_gateway.url.replace("https", "http"))
    assert code != 0 and "this port speaks TLS" in said, said
    code, said = sluice("bench", "--url", secure_gateway.url)
    assert code == 64 and "clear text only" in said, said
