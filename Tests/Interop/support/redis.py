"""A real Redis, and a real Sentinel, as processes of their own: started, killed, paused and brought back by tests."""

import itertools
import json
import shutil
import signal
import socket
import subprocess
import threading

from support.gateway import wait_for
from support.held_port import HeldPort


class _Process:
    """What Redis and Sentinel have in common: a folder, a port and a process that comes and goes."""

    def __init__(self, folder, program, login=None, tls=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.log_path = folder / "redis.log"
        self.process = None
        self._program = program
        self._held = HeldPort()
        self.port = self._held.number
        self._client = ["redis-cli", "-h", "127.0.0.1", "-p", str(self.port)]
        if login:
            self._client += ["--user", login[0], "--pass", login[1], "--no-auth-warning"]
        if tls:
            self._client += ["--tls", "--cacert", str(tls.authority)]

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self._program, str(self.folder / "redis.conf")], cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)
        try:
            wait_for(lambda: self.process.poll() is not None or self._answers(), f"{self._program} to answer")
            assert self.process.poll() is None, f"{self._program} ended:\n{self.log[-2000:]}"
        except BaseException:
            self.stop()
            raise
        return self

    def _answers(self):
        # While it loads what it had it refuses everything but this.
        return subprocess.run(
            [*self._client, "PING"], capture_output=True, text=True, timeout=10).stdout.strip() == "PONG"

    def command(self, *words, timeout=10):
        """The reply as JSON would have it. An error is raised with Redis's own words."""
        result = subprocess.run(
            [*self._client, "--json", "-e", *map(str, words)], capture_output=True, text=True, timeout=timeout)
        assert result.returncode == 0, f"{' '.join(map(str, words))}: {result.stdout}{result.stderr}"
        return json.loads(result.stdout) if result.stdout.strip() else None

    def info(self, field):
        """One field of INFO."""
        result = subprocess.run([*self._client, "INFO"], capture_output=True, text=True, timeout=10)
        found = [line.split(":", 1)[1] for line in result.stdout.splitlines() if line.startswith(field + ":")]
        assert found, f"INFO has no {field}: {result.stdout[:200]}{result.stderr}"
        return found[0]

    def kill(self):
        """As a power cut has it, but for what the system had already been given to write."""
        self.process.kill()
        self.process.wait(10)

    def pause(self):
        """SIGSTOP: the system goes on accepting connections for it, and nobody answers."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self._held.close()


class RedisServer(_Process):
    """`options` are further lines of its configuration; without any it is as safe as Redis can be.

    `login` is (user, password) of who asks it here, `tls` a pair of paths with its authority: see `RedisTLS`. `master`
    is the (host, port) whose replica it is.
    """

    SAFE = ("appendonly yes", "appendfsync always")
    FORGETFUL = ("appendonly no",)

    def __init__(self, folder, options=SAFE, login=None, tls=None, master=None):
        super().__init__(folder, "redis-server", login, tls)
        lines = [
            "bind 127.0.0.1", "save \"\"", f"dir {folder}", "daemonize no", "enable-debug-command yes",
            # What makes a new replica's first copy quick.
            "repl-diskless-sync-delay 0", *options]
        if tls:
            lines += ["port 0", f"tls-port {self.port}", f"tls-cert-file {tls.pair.certificate}",
                      f"tls-key-file {tls.pair.key}", f"tls-ca-cert-file {tls.authority}", "tls-auth-clients no"]
        else:
            lines += [f"port {self.port}"]
        if master:
            lines += [f"replicaof {master[0]} {master[1]}"]
        (folder / "redis.conf").write_text("\n".join(lines) + "\n")
        self.scheme = "rediss" if tls else "redis"
        self.start()

    def url(self, port=None, login=None, database=None):
        """For --store; `port` is another's, which passes on to this one."""
        who = f"{login[0]}:{login[1]}@" if login else ""
        where = f"/{database}" if database is not None else ""
        return f"{self.scheme}://{who}127.0.0.1:{port or self.port}{where}"

    def restart(self, forget=False):
        """Killed and brought back on the same port, with what it had saved; with `forget` with nothing."""
        if self.process.poll() is None:
            self.kill()
        if forget:
            shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)
            (self.folder / "dump.rdb").unlink(missing_ok=True)
        self.start()

    def has_copied(self, master):
        """Whether this replica has all that its master has."""
        return self.info("master_link_status") == "up" and self.info("slave_repl_offset") == master.info(
            "master_repl_offset")


class RedisSentinel(_Process):
    """The one sentinel of a master; it alone decides."""

    def __init__(self, folder, name, master):
        super().__init__(folder, "redis-sentinel")
        (folder / "redis.conf").write_text("\n".join([
            "bind 127.0.0.1", f"port {self.port}", f"dir {folder}",
            f"sentinel monitor {name} 127.0.0.1 {master.port} 1",
            f"sentinel down-after-milliseconds {name} 500",
            # Far off: sooner it would set right a replica that knows its master by another port.
            f"sentinel failover-timeout {name} 60000"]) + "\n")
        self.name = name
        self.start()

    def url(self):
        return f"redis+sentinel://127.0.0.1:{self.port}/{self.name}"

    def knows_replicas(self):
        return int(self.info("master0").split("slaves=")[1].split(",")[0])

    def master_port(self):
        return int(self.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)[1])


class RedisTLS:
    """A certificate for 127.0.0.1 and who vouches for it."""

    def __init__(self, certificates):
        self.pair = certificates.issue("redis", ["127.0.0.1", "localhost"])
        self.authority = certificates.file


class FakeRedis:
    """Says that it is a Redis of some version, and OK to everything else."""

    def __init__(self, version):
        facts = {"server": "redis", "version": version, "proto": "2", "mode": "standalone", "role": "master"}
        words = list(itertools.chain(*facts.items()))
        info = f"redis_version:{version}\r\nredis_mode:standalone\r\nrun_id:{'0' * 40}\r\nrole:master\r\n"
        self._answers = {
            b"HELLO": f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words),
            b"INFO": f"${len(info)}\r\n{info}\r\n"}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # A thread that waits in accept() is not woken by close().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client):
        with client, client.makefile("rwb") as stream:
            while line := stream.readline():
                words = []
                for _ in range(int(line[1:])):
                    words.append(stream.read(int(stream.readline()[1:]) + 2)[:-2].upper())
                stream.write(self._answers.get(words[0], "+OK\r\n").encode())
                stream.flush()
