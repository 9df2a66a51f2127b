"""Single gateways, as the benchmarks of stores measure them: started with a store, asked, loaded, killed, restarted."""

import http.client
import json
import os
import signal
import subprocess
import time
from pathlib import Path

from . import tools
from .processes import NotServing, Processes, free_ports
from .tools import BUILT, HERE

TOOLS = ["gcc", "libc6-dev", "libssl-dev", "libnghttp2-dev", "util-linux"]


class Incomplete(Exception):
    """A run that does not count, and why."""


def prepare(packages=()):
    """What every one of these benchmarks needs: a gateway, the programs that load it, and enough open files."""
    tools.allow_open_files()
    tools.install([*TOOLS, *packages])
    BUILT.mkdir(exist_ok=True)
    readers = ["wire.c", "http2.c", "readers.c", "answer.c", "chunks.c", "mqtt.c", "measures.c"]
    here = Path(__file__).parent
    compile_c("listeners", "-I.", here / "listeners.c", *readers, "-lssl", "-lcrypto", "-lnghttp2")
    compile_c("slow_sync.so", "-shared", "-fPIC", here / "slow_sync.c")
    tools.sluice_binary()


def compile_c(program, *words):
    command = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", BUILT / program, *words]
    if subprocess.run(command, cwd=HERE / "load").returncode:
        tools.stop(f"{program} does not compile")


class Gateway(Processes):
    """One gateway process in a directory of its own. `settings` are lines of YAML, `environment` has NAME=VALUE."""

    def __init__(self, directory, store="memory", settings="", cores="0", environment=()):
        super().__init__(Path(directory), cores)
        self.port, self.admin_port = free_ports(2)
        self.log = self.directory / f"output-{self.port}.log"
        self.file = self.directory / f"sluice-{self.port}.yaml"
        self.file.write_text(f"listen: 127.0.0.1:{self.port}\nadmin: 127.0.0.1:{self.admin_port}\nstore: \"{store}\"\n"
                             f"log: {{ level: error }}\n{settings}")
        self.environment = environment

    def __enter__(self):
        """Serving. `seconds` is how long it took from the start of the process to 200 from /health/ready."""
        started = time.monotonic()
        self.start("env", *self.environment, BUILT / "sluice", "serve", "--config", self.file)
        try:
            while not self.is_ready():
                if self.process.poll() is not None or time.monotonic() - started > 120:
                    raise NotServing(f"the gateway does not become ready: {self.last_words()}")
                time.sleep(0.001)
        except BaseException:
            self.__exit__()
            raise
        self.seconds = time.monotonic() - started
        return self

    @property
    def process(self):
        return self.measured[0]

    def is_ready(self):
        try:
            return self.ask("GET", "/health/ready", port=self.admin_port)[0] == 200
        except OSError:
            return False

    def ask(self, method, path, body=None, port=None):
        """The status and the body of an answer, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=30)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def terminate(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(60)

    def kill(self):
        """As a power cut of the process alone: nothing is closed, nothing is said."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def resident_mib(self):
        """Resident memory: all of it, and what is the process's own rather than a file's."""
        lines = dict(line.split(":", 1) for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines())
        return [int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon")]

    def cpu_beside_loops(self):
        """Seconds of CPU time of each thread that is no event loop: a store's, mostly."""
        return {task.name: int((task / "schedstat").read_text().split()[0]) / 1e9
                for task in Path(f"/proc/{self.process.pid}/task").iterdir()
                if not (task / "comm").read_text().startswith("NIO-")}


def bench(gateway, *arguments, core="1", limit=120):
    """What `sluice bench` reports of a gateway, if it is complete."""
    command = ["taskset", "--cpu-list", core, BUILT / "sluice", "bench", "--json",
               "--url", f"http://127.0.0.1:{gateway.port}", "--admin-url", f"http://127.0.0.1:{gateway.admin_port}",
               *arguments]
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        raise Incomplete(f"not done in {limit} s") from None
    if not done.stdout.startswith("{"):
        raise Incomplete(done.stderr.strip()[-300:] or f"the bench ended with {done.returncode}")
    report = json.loads(done.stdout)
    if not report["complete"]:
        raise Incomplete("; ".join(report["problems"]))
    return report


def publishing(report):
    """Acknowledged publishes a second, and how long their acknowledgements took, in ms."""
    latency = report["publishes"]["acknowledgement_ms"]
    return {"rate": report["publishes"]["per_second"]} | {name: latency[name] for name in ("p50", "p99", "max")}


def listen(gateway, path, listeners, messages, topics=0, core="1", silence=30, output=None):
    """The process of `listeners`, which is listeners.c, reading from a gateway; its output is JSON, a line each."""
    command = ["taskset", "--cpu-list", core, BUILT / "listeners", "-p", gateway.port, "-n", listeners, "-u", path,
               "-k", topics, "-m", messages, "-i", silence, *(["-o", output] if output else [])]
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)


def listened(process, messages):
    """The last line of `listen`'s process, if everyone got everything once."""
    lines = process.communicate()[0].splitlines()
    if process.returncode:
        raise Incomplete(f"the listeners ended with {process.returncode}")
    run = json.loads(lines[-1])
    if run["failures"] or run["min"] != messages or run["max"] != messages:
        raise Incomplete(f"{run['failures']} failures, {run['min']} to {run['max']} messages of {messages}")
    return run
