"""What is measured: each scenario is one row of the table."""

from dataclasses import dataclass

PEERS = ("limit", "sluice", "nchan", "pushpin", "mosquitto")


@dataclass(frozen=True)
class Scenario:
    """`arguments` are fanclient's. `figure` takes what it wrote to the number that counts, in `unit`; `base` is the
    server that the others are quoted as a multiple of."""

    name: str
    title: str
    transport: str | None
    arguments: list
    figure: object
    unit: str
    base: str = "limit"
    servers: tuple = PEERS
    rate: int = 0  # messages a second that a run must reach to be one
    latencies: bool = False  # p50 and p99 from publish to receipt are written beside the figure
    own_core: bool = True  # the client shares no core with a server

    @property
    def seconds(self):
        return float(self.arguments[self.arguments.index("-D") + 1]) if "-D" in self.arguments else 0


def cpu_per_delivery(run):
    return run["cpu_us"] / run["deliveries"]


def people(publishers):
    return "1 publisher" if publishers == 1 else f"{publishers} publishers"


SECURE = {
    "tls-ws": "ws over TLS",
    "tls-sse": "sse over TLS",
    "tls-h2": "sse over TLS and HTTP/2, one on each connection",
    "tls-h2x100": "sse over TLS and HTTP/2, 100 on each connection",
}


def fan_out(transport, publishers, subscribers):
    """Closed loop: each publisher sends as soon as its last message was acknowledged."""
    return Scenario(
        f"{transport}-{publishers}-{subscribers}",
        f"{transport}, {people(publishers)}, {subscribers:,} subscribers: CPU per delivery",
        transport, ["-n", subscribers, "-P", publishers, "-D", 3], cpu_per_delivery, "µs")


def secure_fan_out(transport, publishers, subscribers):
    """As in clear. Raw C has no HTTP/2, so there nchan is the base."""
    return Scenario(
        f"{transport}-{publishers}",
        f"{SECURE[transport]}, {people(publishers)}, {subscribers:,} subscribers: CPU per delivery; p50, p99",
        transport, ["-n", subscribers, "-P", publishers, "-D", 3], cpu_per_delivery, "µs", latencies=True,
        base="nchan" if transport.startswith("tls-h2") else "limit")


def latency(transport, subscribers, rate=20):
    """Sixteen publishers keep the rate up also where one acknowledgement takes longer than 50 ms."""
    return Scenario(
        f"latency-{transport}",
        f"{transport}, {rate} messages/s, {subscribers:,} subscribers: p99 from publish to receipt",
        transport, ["-n", subscribers, "-P", 16, "-R", rate, "-D", 10], lambda run: run["p99_us"] / 1000, "ms",
        rate=rate)


def memory(transport, subscribers):
    return Scenario(
        f"memory-{transport}",
        f"{SECURE.get(transport, transport)}, {subscribers:,} idle connections: resident memory of each",
        transport, ["-n", subscribers, "-H", 0], lambda run: run["resident_kib"], "KiB",
        base="nchan", servers=PEERS[1:])


def acknowledgements():
    return Scenario(
        "acknowledgements", "16 keep-alive publishers, no subscribers: publishes acknowledged per CPU second",
        None, ["-n", 0, "-P", 16, "-D", 3], lambda run: run["acknowledged"] / run["cpu_us"] * 1e6, "/s",
        base="nchan")


def polls(subscribers):
    return Scenario(
        "poll", f"{subscribers:,} parked polls released by a message, then parked again: CPU per delivery",
        "poll", ["-n", subscribers, "-P", 1, "-G", 20, "-D", 5], cpu_per_delivery, "µs", base="nchan",
        servers=("nchan", "sluice"))


def two_loops(publishers, subscribers):
    """The client throws bytes away unread every 50 ms and so takes little of any core: on a machine of two it has to
    share one with the second loop."""
    return Scenario(
        f"two-loops-{publishers}",
        f"ws, {people(publishers)}, {subscribers:,} subscribers, one and two loops: deliveries a second",
        "ws", ["-n", subscribers, "-P", publishers, "-Z", 50, "-D", 3],
        lambda run: run["deliveries"] / run["seconds"] / 1000, "k/s", base="sluice", servers=("sluice", "sluice-2"),
        own_core=False)


def scenarios(quick):
    sizes = (1000,) if quick else (1000, 5000)
    crowd, idle = (1000, 1000) if quick else (5000, 10_000)
    rows = [fan_out(transport, publishers, size)
            for transport in ("ws", "sse") for publishers in (1, 16) for size in sizes]
    rows += [latency("ws", crowd), latency("sse", crowd), memory("ws", idle), memory("sse", idle)]
    rows += [acknowledgements(), polls(1000), two_loops(1, 1000), two_loops(16, 1000)]
    rows += [secure_fan_out(transport, publishers, 1000) for transport in SECURE for publishers in (1, 16)]
    return rows + [memory(transport, idle) for transport in ("tls-ws", "tls-sse", "tls-h2")]
