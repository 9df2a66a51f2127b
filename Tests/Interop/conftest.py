import itertools

import pytest

from support.certificates import Authority
from support.gateway import Gateway
from support.proxy import CuttingProxy

_numbers = itertools.count(1)


def pytest_itemcollected(item):
    # Read by deploy/summary.py: how to run a failed test again, and its values (a seed).
    item.user_properties.append(("test", f"Tests/Interop/{item.nodeid.split('Tests/Interop/')[-1]}"))
    values = item.callspec.params if hasattr(item, "callspec") else {}
    if values:
        item.user_properties.append(("values", ", ".join(f"{name} {value}" for name, value in values.items())))
    # Tests that share a browser run on one worker, so that it is started once.
    for browser in {"chromium", "firefox"} & {value for value in values.values() if isinstance(value, str)}:
        item.add_marker(pytest.mark.xdist_group(f"{item.module.__name__} {browser}"))


@pytest.fixture(scope="session")
def gateway(tmp_path_factory):
    """One gateway for all tests that leave it as it was; heartbeats every second, so that no test waits for one."""
    configuration = """\
heartbeat: { sse: 1s, ndjson: 1s, websocket: 1s }
reconnect: { min: 100ms, max: 1s }
history: { messages: 100000, age: 1h }
diagnostics: { echo: true }
topics:
  - match: "short.>"
    history: { messages: 5 }
"""
    gateway = Gateway(tmp_path_factory.mktemp("gateway"), configuration)
    yield gateway
    gateway.stop()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """An authority of our own, and certificates that it vouches for."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def secure_gateway(tmp_path_factory, certificates):
    """One gateway with TLS for all tests that leave it as it was."""
    pair = certificates.issue("localhost", ["localhost", "127.0.0.1"])
    configuration = f"""\
tls: {{ certificates: [{{ certificate: {pair.certificate}, key: {pair.key} }}] }}
heartbeat: {{ sse: 1s, ndjson: 1s, websocket: 1s }}
reconnect: {{ min: 100ms, max: 1s }}
history: {{ messages: 100000, age: 1h }}
diagnostics: {{ echo: true }}
"""
    gateway = Gateway(tmp_path_factory.mktemp("secure"), configuration, authority=certificates.file)
    yield gateway
    gateway.stop()


@pytest.fixture
def start(tmp_path_factory):
    """Starts a gateway for this test alone: start(configuration)."""
    started = []

    def start(configuration="", listen="127.0.0.1:0", authority=None):
        started.append(Gateway(tmp_path_factory.mktemp("own"), configuration, listen, authority=authority))
        return started[-1]

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture
def topics():
    """Three topics that no other test has."""
    number = next(_numbers)
    return [f"test.{number}.{letter}" for letter in "abc"]


@pytest.fixture
def topic(topics):
    return topics[0]


@pytest.fixture
def proxy(gateway):
    with CuttingProxy(gateway.port) as proxy:
        yield proxy
