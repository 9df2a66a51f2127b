"""The real nginx and HAProxy, with the example configurations from deploy/examples: only addresses are replaced."""

import os
import pathlib
import re
import signal
import socket
import subprocess

from support.gateway import wait_for
from support.held_port import HeldPort

EXAMPLES = pathlib.Path(__file__).resolve().parents[3] / "deploy" / "examples"


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Front:
    """What a client sees of a gateway behind a proxy; the readers take it for the gateway."""

    def __init__(self, port, gateway, authority=None):
        self.host, self.port, self.authority = "127.0.0.1", port, authority
        self.url = f"{'https' if authority else 'http'}://127.0.0.1:{port}"
        self.stream = self.url + "/v1/stream"
        self.gateway = gateway


class Proxy:
    """`replacements` are texts of the example and what stands there instead."""

    def __init__(self, folder, example, held, replacements):
        self._held = held
        text = (EXAMPLES / example).read_text()
        for old, new in replacements.items():
            assert old in text, f"{example} has no {old}"
            text = text.replace(old, str(new))
        self.folder = folder
        self.file = folder / example
        self.file.write_text(text)
        self.log = open(folder / f"{example}.log", "wb")
        self.process = None

    def start(self, arguments, ports):
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        wait_for(lambda: all(map(listens, ports)) or self.process.poll() is not None, "the proxy to listen")
        assert self.process.poll() is None, pathlib.Path(self.log.name).read_text()
        return self

    def stop(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(10)
        for port in self._held:
            port.close()
        self.log.close()


class Nginx(Proxy):
    def __init__(self, folder, gateway, pair):
        held = [HeldPort(), HeldPort()]
        self.port, self.tls_port = (port.number for port in held)
        super().__init__(folder, "nginx.conf", held, {
            "server 127.0.0.1:8080;": f"server 127.0.0.1:{gateway.port};",
            "127.0.0.1:8000": f"127.0.0.1:{self.port}",
            "#listen 127.0.0.1:8443": f"listen 127.0.0.1:{self.tls_port}",
            "#ssl_": "ssl_", "/etc/nginx/sluice.pem": pair.certificate, "/etc/nginx/sluice.key": pair.key,
            # So that a test need not wait for half a minute.
            "worker_shutdown_timeout 30s": "worker_shutdown_timeout 1s"})
        pid = folder / "nginx.pid"
        self.arguments = ["nginx", "-c", str(self.file), "-p", str(folder), "-g",
                          f"daemon off; pid {pid}; error_log {folder}/error.log;"]
        self.start(self.arguments, [self.port, self.tls_port])

    def reload(self):
        self.process.send_signal(signal.SIGHUP)


class HAProxy(Proxy):
    def __init__(self, folder, gateway, pair, secure=None):
        both = folder / "both.pem"
        both.write_text(pair.certificate.read_text() + pair.key.read_text())
        held = [HeldPort() for _ in range(5)]
        self.http1, self.http2, self.tls1, self.tls2, self.tcp = (port.number for port in held)
        admin = re.search(r":(\d+)$", gateway.admin).group(1)
        secure_admin = re.search(r":(\d+)$", (secure or gateway).admin).group(1)
        super().__init__(folder, "haproxy.cfg", held, {
            "127.0.0.1:8080 check port 8081": f"127.0.0.1:{gateway.port} check port {admin}",
            "127.0.0.1:8080 proto h2 check port 8081": f"127.0.0.1:{gateway.port} proto h2 check port {admin}",
            "127.0.0.1:9443 send-proxy-v2 check port 9081":
                f"127.0.0.1:{(secure or gateway).port} send-proxy-v2 check port {secure_admin}",
            "bind 127.0.0.1:8000": f"bind 127.0.0.1:{self.http1}",
            "bind 127.0.0.1:8001": f"bind 127.0.0.1:{self.http2}",
            "bind 127.0.0.1:9000": f"bind 127.0.0.1:{self.tcp}",
            "#bind 127.0.0.1:8443": f"bind 127.0.0.1:{self.tls1}",
            "#bind 127.0.0.1:8444": f"bind 127.0.0.1:{self.tls2}",
            "/etc/haproxy/sluice.pem": both, "hard-stop-after 30s": "hard-stop-after 1s"})
        self.start(["haproxy", "-W", "-f", str(self.file)], [self.http1, self.http2, self.tls1, self.tls2, self.tcp])

    def reload(self):
        self.process.send_signal(signal.SIGUSR2)
