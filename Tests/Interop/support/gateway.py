"""The real binary as a process of its own, on free ports."""

import json
import os
import pathlib
import re
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request

_ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("SLUICE_BINARY") or str(_ROOT / ".build" / "debug" / "sluice")

# What a gateway under test must not take from the machine it runs on.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}


class Gateway:
    """A running `sluice serve`. `configuration` is the text of its configuration file, `command` what it runs under,
    `authority` a file with who vouches for it, where it speaks TLS."""

    def __init__(self, folder, configuration="", listen="127.0.0.1:0", command=(), authority=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.log_path = folder / "gateway.log"
        arguments = [*command, BINARY, "serve", "--listen", listen, "--admin", "127.0.0.1:0"]
        if configuration:
            file = folder / "sluice.yaml"
            file.write_text(configuration)
            arguments += ["--config", str(file)]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=ENVIRONMENT)
        try:
            self.url = self._announced("listening url=")
            self.admin = self._announced("listening for operators url=")
        except BaseException:
            self.stop()
            raise
        self.scheme, address = self.url.split("://")
        self.host, port = address.split(":")
        self.port = int(port)
        self.authority = authority
        self._context = ssl.create_default_context(cafile=authority) if authority else None

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    @property
    def stream(self):
        return self.url + "/v1/stream"

    def messages_url(self, topic):
        return f"{self.url}/v1/topics/{topic}/messages"

    def _announced(self, what):
        pattern = re.compile(re.escape(what) + r"(\S+)")
        found = wait_for(lambda: self.process.poll() is not None or pattern.search(self.log), "the gateway to listen")
        assert found is not True, f"the gateway ended with {self.process.returncode}:\n{self.log}"
        return found.group(1)

    # Asking and telling it, with nothing but the standard library.

    def request(self, method, url, body=None, headers=None):
        """(status, headers, body); a refusal is an answer, too."""
        url = url if url.startswith("http") else self.url + url
        request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
        try:
            context = self._context if url.startswith("https") else None
            with urllib.request.urlopen(request, timeout=30, context=context) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.headers, answer.read()

    def publish(self, topic, data, event=None):
        headers = {"Content-Type": "application/json"} | ({"Event": event} if event else {})
        status, _, body = self.request("POST", self.messages_url(topic), json.dumps(data).encode(), headers)
        assert status == 201, body
        return json.loads(body)

    def publish_many(self, topic, count):
        """`count` small messages in as few requests as the limits allow; the last one's id."""
        last = None
        for start in range(0, count, 1000):
            batch = [{"topic": topic, "data": n} for n in range(start, min(count, start + 1000))]
            status, _, body = self.request("POST", "/v1/publish", json.dumps({"messages": batch}).encode())
            assert status == 200, body
            last = json.loads(body)["results"][-1]["id"]
        return last

    def connections(self):
        _, _, body = self.request("GET", self.admin + "/v1/admin/connections")
        return json.loads(body)["connections"]

    def metric(self, name):
        """A sample's value; `name` with its labels, if it has some."""
        _, _, body = self.request("GET", self.admin + "/metrics")
        for line in body.decode().splitlines():
            if line.startswith(name + " "):
                return float(line.rsplit(" ", 1)[1])
        raise AssertionError(f"there is no metric {name}")

    def still_serves(self):
        return self.process.poll() is None and self.request("GET", "/v1/negotiate")[0] == 200

    # Its end.

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def stop(self):
        """Ends it in whatever state it is, without a drain."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


def wait_for(condition, what, seconds=60):
    """The first true value that `condition` has. The time limit only ends what hangs: busy machines are slow."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.01)
