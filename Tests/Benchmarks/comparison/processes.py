"""Starting a server's processes on given cores, waiting until they serve, and ending them all."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path


class NotServing(Exception):
    """A server that did not start; the text says what it wrote."""


def free_ports(count):
    """Ports that are free now. All are held until the last is found, so that no two are the same."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Processes:
    """The processes of one server. Use as a context: at its end all of them are gone."""

    def __init__(self, directory, cores):
        self.directory = directory
        self.cores = cores
        self.log = directory / "output.log"
        self.measured = []
        self.helpers = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        started = self.measured + self.helpers
        for process in started:
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + 5
        for process in started:
            try:
                process.wait(max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
        # Also what its parent left behind: each was started as the head of a group of its own.
        for process in started:
            _signal(process, signal.SIGKILL)
            process.wait()

    def start(self, *command):
        """A process that counts: pinned, with all it starts."""
        self.measured.append(self._open("taskset", "--cpu-list", self.cores, *command))

    def start_helper(self, *command):
        """One that does not count and runs where it likes."""
        self.helpers.append(self._open(*command))

    def _open(self, *command):
        # A setting of Sluice's in the environment would win over the file here.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
        with open(self.log, "ab") as log:
            return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    cwd=self.directory, env=environment, start_new_session=True)

    def wait_until_served(self, ports, seconds=10):
        deadline = time.monotonic() + seconds
        for port in ports:
            while not _accepts(port):
                if time.monotonic() > deadline or any(process.poll() is not None for process in self.measured):
                    raise NotServing(f"does not serve port {port}: {self.last_words()}")
                time.sleep(0.02)

    def last_words(self):
        return self.log.read_text(errors="replace")[-500:].strip() or "it wrote nothing"

    def ids(self):
        """Of all measured processes, with those they started."""
        children = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                after_name = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it ended meanwhile
            children.setdefault(int(after_name[1]), []).append(int(stat.parent.name))
        found = [process.pid for process in self.measured]
        for parent in found:
            found.extend(children.get(parent, []))
        return found


def _signal(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def _accepts(port):
    with socket.socket() as each:
        return each.connect_ex(("127.0.0.1", port)) == 0
