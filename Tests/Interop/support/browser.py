"""Real browsers without a driver: a page does the work and reports to the server that it came from."""

import base64
import contextlib
import http.server
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import urllib.request

import websockets.sync.client

from support.gateway import wait_for

_PAGES = pathlib.Path(__file__).resolve().parents[1] / "pages"

_FIREFOX_PREFERENCES = """\
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.page", 0);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("dom.disable_open_during_load", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
user_pref("app.update.enabled", false);
user_pref("app.normandy.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("browser.safebrowsing.update.enabled", false);
user_pref("extensions.getAddons.cache.enabled", false);
user_pref("extensions.systemAddon.update.enabled", false);
"""


class PageServer:
    """Serves the pages from an origin of its own and keeps what they report."""

    def __init__(self):
        self._results = {}
        self._lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page = _PAGES / self.path.split("?")[0].strip("/")
                found = page.parent == _PAGES and page.is_file()
                body = page.read_bytes() if found else b""
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                value = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer._lock:
                    outer._results.setdefault(self.path.rsplit("/", 1)[1], []).append(value)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def results(self, name):
        with self._lock:
            return list(self._results.get(name, []))

    def result(self, name, seconds=60):
        return wait_for(lambda: self.results(name), f"the page to report {name}", seconds)[0]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Browser:
    """A headless browser with a fresh profile, looking at one page; it trusts `authority`, a file, too.

    Firefox asks pages for their dark or light colours once and for all, as `dark` says; Chromium with each screenshot.
    """

    def __init__(self, name, url, folder, authority=None, dark=False):
        self._tools = None
        self.name = name
        self.profile = profile = folder / "profile"
        profile.mkdir(parents=True)
        if name == "chromium":
            command = [
                "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--no-first-run", "--disable-background-networking", "--disable-component-update",
                "--disable-extensions", "--disable-popup-blocking", "--remote-debugging-port=0",
                f"--user-data-dir={profile}"]
            # It has no authorities of a profile's own.
            command += (["--ignore-certificate-errors"] if authority else []) + [url]
        else:
            colours = f'user_pref("layout.css.prefers-color-scheme.content-override", {0 if dark else 1});\n'
            (profile / "user.js").write_text(_FIREFOX_PREFERENCES + colours)
            if authority:
                subprocess.run(
                    ["certutil", "-A", "-n", "tests", "-t", "C,,", "-i", authority, "-d", f"sql:{profile}"],
                    check=True, capture_output=True)
            command = [
                "firefox-esr", "--headless", "--no-remote", "--remote-debugging-port=0", "--profile", str(profile), url]
        self.log = folder / "browser.log"
        with open(self.log, "wb") as log:
            # A session of its own, so that its helpers end with it.
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    @property
    def tools(self):
        """What looks into the page, once it is there."""
        if not self._tools:
            self._tools = (_ChromiumTools if self.name == "chromium" else _FirefoxTools)(self.profile)
        return self._tools

    def evaluate(self, script):
        """What the promise `script` comes to, run on the page."""
        return self.tools.evaluate(script)

    def screenshot(self, width, height, dark=False):
        """The page as a PNG, as wide as that and all of its height up to `height`."""
        return base64.b64decode(self.tools.screenshot(width, height, dark))

    @staticmethod
    def is_installed(name):
        return shutil.which({"chromium": "chromium", "firefox": "firefox-esr"}[name]) is not None

    def close(self):
        if self._tools:
            self._tools.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                break
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                continue
        self.process.wait(10)


class _Tools:
    """Commands to a browser over a WebSocket, one after the other."""

    def __init__(self, url):
        self._resources = contextlib.ExitStack()
        self.socket = self._resources.enter_context(websockets.sync.client.connect(url, proxy=None, max_size=None))
        self._numbers = itertools.count(1)

    def close(self):
        self._resources.close()

    def ask(self, method, **parameters):
        number = next(self._numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (answer := json.loads(self.socket.recv(timeout=90))).get("id") != number:
            pass
        assert "error" not in answer, answer
        return answer["result"]


# The page has drawn anew by then.
_DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


class _ChromiumTools(_Tools):
    """The DevTools protocol."""

    def __init__(self, profile):
        file = profile / "DevToolsActivePort"
        port = wait_for(lambda: file.exists() and file.read_text().split("\n")[0], "the browser's tools")

        def page():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=10) as answer:
                pages = [target for target in json.loads(answer.read()) if target["type"] == "page"]
            return pages and pages[0]["url"] not in ("", "about:blank") and pages[0]["webSocketDebuggerUrl"]

        super().__init__(wait_for(page, "the page"))

    def evaluate(self, script):
        answer = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, json.dumps(answer)
        return answer["result"].get("value")

    def screenshot(self, width, height, dark):
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", features=scheme)
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.evaluate(_DRAWN)
        return self.ask("Page.captureScreenshot", format="png")["data"]


class _FirefoxTools(_Tools):
    """WebDriver BiDi."""

    def __init__(self, profile):
        file = profile / "WebDriverBiDiServer.json"
        server = wait_for(lambda: file.exists() and file.read_text(), "the browser's tools", 60)
        super().__init__("ws://127.0.0.1:{ws_port}/session".format(**json.loads(server)))
        self.ask("session.new", capabilities={})

        def page():
            pages = self.ask("browsingContext.getTree")["contexts"]
            return pages and pages[0]["url"] != "about:blank" and pages[0]["context"]

        self._page = wait_for(page, "the page")

    def evaluate(self, script):
        answer = self.ask(
            "script.evaluate", expression=f"Promise.resolve({script}).then((value) => JSON.stringify(value))",
            awaitPromise=True, target={"context": self._page})
        assert answer["type"] == "success", json.dumps(answer)
        value = answer["result"].get("value")
        return None if value is None else json.loads(value)

    def screenshot(self, width, height, dark):
        """The colours are those that it was started with."""
        self.ask("browsingContext.setViewport", context=self._page, viewport={"width": width, "height": height})
        self.evaluate(_DRAWN)
        return self.ask("browsingContext.captureScreenshot", context=self._page)["data"]
