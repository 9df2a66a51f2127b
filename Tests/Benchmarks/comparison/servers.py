"""The servers that are compared: how each is configured, started, read from and published to."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from .processes import Processes, free_ports
from .tools import BUILT, CERTIFICATE, HERE, KEY

TOPIC = "t"


@dataclass(frozen=True)
class Server:
    """`reads` is what fanclient is told for each transport there is here, `publishes` what its publishers are told.
    A transport that begins with "tls-" has everything over TLS, publishers too.
    `steps` start it: they get the processes to add to, the values of the templates and the transport, and return the
    ports that must accept before it serves."""

    name: str
    title: str
    steps: object
    reads: dict
    publishes: list
    packages: list = field(default_factory=list)
    loops: int = 1  # of Sluice: event loops, each with a core

    def start(self, directory, transport):
        """Its processes, serving, and the words that lead fanclient to them."""
        port, publish_port, backend_port = free_ports(3)
        values = {"DIRECTORY": directory, "PORT": port, "PUBLISH_PORT": publish_port, "BACKEND_PORT": backend_port,
                  "LOOPS": self.loops, "CERTIFICATE": CERTIFICATE, "KEY": KEY}
        processes = Processes(directory, ",".join(str(core) for core in range(self.loops)))
        try:
            ports = self.steps(processes, values, transport)
            processes.wait_until_served(ports)
        except BaseException:
            processes.__exit__()
            raise
        return processes, ["-p", str(port), "-q", str(ports[-1]), "-t", TOPIC]

    def version(self):
        package = self.packages[-1] if self.packages else None
        if not package:
            return ""
        query = ["dpkg-query", "--show", "--showformat=${Version}", package]
        return subprocess.run(query, capture_output=True, text=True).stdout


def fill(template, values, name=None):
    """The configuration with every @NAME@ replaced, in the server's directory."""
    text = (HERE / "servers" / template).read_text()
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    file = Path(values["DIRECTORY"]) / (name or template)
    file.write_text(text)
    return file


def is_secure(transport):
    return transport is not None and transport.startswith("tls-")


def start_sluice(processes, values, transport):
    tls = f"tls: {{ certificates: [{{ certificate: '{CERTIFICATE}', key: '{KEY}' }}] }}"
    values = values | {"TLS": tls if is_secure(transport) else ""}
    processes.start(BUILT / "sluice", "serve", "--config", fill("sluice.yaml", values))
    return [values["PORT"]]


def start_limit(processes, values, transport):
    kind = "ws" if transport is None else transport.removeprefix("tls-")
    processes.start(BUILT / "limit", values["PORT"], kind, *([CERTIFICATE, KEY] if is_secure(transport) else []))
    return [values["PORT"]]


def start_nchan(processes, values, transport):
    values = values | {"SECURELY": "ssl http2" if is_secure(transport) else ""}
    processes.start("/usr/sbin/nginx", "-p", values["DIRECTORY"], "-e", "nginx-error.log",
                    "-c", fill("nginx.conf", values))
    return [values["PORT"]]


def start_pushpin(processes, values, _):
    processes.start_helper(sys.executable, HERE / "servers" / "pushpin_backend.py", values["BACKEND_PORT"], TOPIC)
    fill("pushpin.routes", values, name="routes")
    processes.start("zurl", f"--config={fill('zurl.conf', values)}")
    processes.start("pushpin", f"--config={fill('pushpin.conf', values)}")
    return [values["BACKEND_PORT"], values["PORT"], values["PUBLISH_PORT"]]


def start_mosquitto(processes, values, _):
    processes.start("/usr/sbin/mosquitto", "-c", fill("mosquitto.conf", values))
    return [values["PORT"], values["PUBLISH_PORT"]]


def over_tls(reads):
    return {f"tls-{name}": [*reads[name], "-T"] for name in ("ws", "sse")}


def over_http2(reads):
    """Event streams, with a connection each and with a hundred on each connection."""
    return {"tls-h2": [*reads["sse"], "-T", "-2", "1"], "tls-h2x100": [*reads["sse"], "-T", "-2", "100"]}


SLUICE_READS = {
    "ws": ["-m", "ws", "-u", f"/v1/stream?topic={TOPIC}"],
    "sse": ["-m", "sse", "-u", f"/v1/stream?topic={TOPIC}"],
    "poll": ["-m", "poll", "-u", f"/v1/stream?topic={TOPIC}&wait=25"],
}
SLUICE_PUBLISHES = ["-U", f"/v1/topics/{TOPIC}/messages"]

LIMIT_READS = {"ws": ["-m", "ws"], "sse": ["-m", "sse"]}

NCHAN_READS = {
    "ws": ["-m", "ws", "-u", "/subscribe"],
    "sse": ["-m", "sse", "-u", "/subscribe"],
    "poll": ["-m", "longpoll", "-u", "/subscribe"],
}

SERVERS = [
    Server("limit", "raw C", start_limit, LIMIT_READS | over_tls(LIMIT_READS), ["-U", "/publish"]),
    Server("sluice", "Sluice", start_sluice, SLUICE_READS | over_tls(SLUICE_READS) | over_http2(SLUICE_READS),
           SLUICE_PUBLISHES),
    Server(
        "nchan", "nginx + nchan", start_nchan, NCHAN_READS | over_tls(NCHAN_READS) | over_http2(NCHAN_READS),
        ["-U", "/publish"], ["nginx", "libnginx-mod-nchan"]),
    # It refuses with 502 what it cannot pass on to the backend at once; few connecting at a time are not refused.
    Server(
        "pushpin", "Pushpin", start_pushpin,
        {"ws": ["-m", "ws", "-u", "/stream", "-c", "20"], "sse": ["-m", "sse", "-u", "/stream", "-c", "20"]},
        ["-F", "pushpin", "-U", "/publish/"], ["condure", "zurl", "pushpin"]),
    Server(
        "mosquitto", "Mosquitto", start_mosquitto,
        {"ws": ["-m", "mqtt", "-u", "/mqtt"]}, ["-F", "mqtt"], ["mosquitto"]),
    Server("sluice-2", "Sluice, two loops", start_sluice, {"ws": SLUICE_READS["ws"]}, SLUICE_PUBLISHES, loops=2),
]
