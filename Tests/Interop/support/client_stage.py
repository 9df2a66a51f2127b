"""A browser whose pages are of a gateway's origin, with a network between that misbehaves when told."""

import json
import pathlib
import urllib.parse

from support.browser import Browser
from support.gateway import Gateway, wait_for
from support.misbehaving import Misbehaving
from support.steering import Steering
from support.traffic import Reading

_PAGES = pathlib.Path(__file__).resolve().parents[1] / "pages"
CLIENT = pathlib.Path(__file__).resolve().parents[3] / "Sources" / "BrowserClient" / "Client"

# Short enough that no test waits long for a heartbeat or a reconnect.
CONFIGURATION = """\
heartbeat: { sse: 1s, ndjson: 1s, websocket: 1s }
reconnect: { min: 100ms, max: 500ms }
history: { messages: 100000, age: 1h }
cors: { origins: ["ORIGIN"] }
"""


class ClientStage:
    """One browser for many cases; its first page is `page`."""

    def __init__(self, browser, folder):
        assert Browser.is_installed(browser), f"{browser} is not installed; deploy/test interop installs it"
        self.name = browser
        self.steering = Steering()
        names = ("client.html", "client_page.js", "client_console.js")
        files = {f"/{name}": _PAGES / name for name in names} | {"/client.js": CLIENT / "client.js"}
        self.proxy = Misbehaving(files=files)
        self.configuration = CONFIGURATION.replace("ORIGIN", self.proxy.url)
        self.gateway = Gateway(folder / "gateway", self.configuration)
        self.proxy.target = self.gateway.port
        # Another way to the same gateway, from another origin than the pages'.
        self.other_proxy = Misbehaving(self.gateway.port)
        self.browser = Browser(browser, self.address("first"), folder)
        self.page = self.steering.page("first")

    def address(self, page):
        """Where the page of that name is; opening it anywhere in the browser makes it steerable."""
        return f"{self.proxy.url}/client.html?" + urllib.parse.urlencode({"steering": self.steering.url, "page": page})

    def open(self, page):
        """Another tab of the same browser, before the others; those are hidden then, and their timers are slow."""
        self.page.run("(globalThis.tabs ??= {})[page] = open(address)", page=page, address=self.address(page))
        return self.steering.page(page)

    def leave(self, page, address=None):
        """Closes a tab that was opened so, or has it go to another address."""
        if address:
            self.page.run("tabs[page].location.replace(address)", page=page.name, address=address)
        else:
            self.page.run("tabs[page].close()", page=page.name)
            self.page.until("tabs[page].closed", page=page.name)

    def clear(self):
        """As it was before the first case: a network that behaves, a page that knows nothing, nobody connected."""
        for proxy in (self.proxy, self.other_proxy):
            proxy.behave()
        self.page.run("for (const name of Object.keys(readings)) end(name); localStorage.clear()")
        for proxy in (self.proxy, self.other_proxy):
            proxy.cut()
            proxy.target = self.gateway.port
        wait_for(lambda: not self.gateway.connections(), "all clients to be gone")
        for proxy in (self.proxy, self.other_proxy):
            proxy.forget()

    def close(self):
        self.browser.close()
        self.proxy.close()
        self.other_proxy.close()
        self.steering.close()
        self.gateway.stop()


class Reader:
    """A client on a page, and what it got."""

    def __init__(self, page, topics, options="", name="reader"):
        """`options` is the inside of a JavaScript object: the client's, and `since` and `rewind` of its subscription."""
        self._page, self._name = page, name
        page.run(f"await begin(name, topics, {{ {options} }})", name=name, topics=topics)

    def get(self, what):
        """An expression over the reading, `r`."""
        return self._page.run(f"const r = readings[name]; return {what}", name=self._name)

    def until(self, what, seconds=15):
        return wait_for(
            lambda: self.get(what), f"{what}; it is {json.dumps(self.get('story(r)'))}", seconds)

    def on(self, transport, seconds=15):
        """Waits until it is connected over that transport."""
        self.until(f"r.client.state === 'connected' && r.client.transport === '{transport}'", seconds)

    @property
    def transports(self):
        """Those it was on, in order."""
        return [name for name, _ in self.get("r.transports") if name]

    @property
    def states(self):
        return [name for name, _ in self.get("r.states")]

    def has(self, acknowledged, seconds=30):
        """Waits for the last of these messages, then checks that it got all of them once, in order, and no gap."""
        last = acknowledged[-1]["id"]
        self.until(f"r.messages.some(([id]) => id === {json.dumps(last)})", seconds)
        reading = Reading()
        for identifier, topic, seq in self.get("r.messages"):
            reading.take({"id": identifier, "topic": topic, "seq": seq})
        for gap in self.get("r.gaps"):
            reading.take(gap)
        reading.check(acknowledged)

    def end(self):
        self._page.run("end(name)", name=self._name)
