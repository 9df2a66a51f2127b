"""A gateway with a durable store that is killed and started again, for clients in the same event loop."""

import asyncio
import re
import urllib.request

from support.gateway import BINARY, ENVIRONMENT

_ANNOUNCED = re.compile(r"listening url=http://127\.0\.0\.1:(\d+)")
_OPERATORS = re.compile(r"listening for operators url=(\S+)")


class Victim:
    """One configuration file, and a process after the other that runs with it."""

    def __init__(self, configuration):
        self.log = []
        self.starts = 0
        self.port = 0
        self._configuration = configuration
        self._process = None
        self._follower = None
        self._up = asyncio.Event()

    async def is_up(self):
        """Waits until it listens. Returns its port."""
        await self._up.wait()
        return self.port

    @property
    def is_listening(self):
        return self._up.is_set()

    async def start(self, port=0):
        """Starts it. It is not up when this returns; see `is_up`."""
        self.starts += 1
        self._process = await asyncio.create_subprocess_exec(
            BINARY, "serve", "--config", str(self._configuration), "--listen", f"127.0.0.1:{port}",
            "--admin", "127.0.0.1:0", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE, env=ENVIRONMENT)
        self._follower = asyncio.create_task(self._follow(self._process))

    async def _follow(self, process):
        async for line in process.stderr:
            text = line.decode(errors="replace").rstrip()
            self.log.append(text)
            if found := _ANNOUNCED.search(text):
                self.port = int(found.group(1))
                # Killed while it said so: nobody is there any more.
                if process is self._process and process.returncode is None:
                    self._up.set()

    async def connections(self):
        """What it says of them, if it says anything."""
        urls = [found.group(1) for line in self.log if (found := _OPERATORS.search(line))]
        try:
            answer = await asyncio.to_thread(urllib.request.urlopen, f"{urls[-1]}/v1/admin/connections", timeout=5)
            with answer:
                return answer.read().decode()
        except (OSError, IndexError) as error:
            return repr(error)

    async def ends(self):
        """Waits until it has ended by itself and all it said is in the log."""
        process, follower = self._process, self._follower
        await process.wait()
        await asyncio.shield(follower)

    async def end(self, number):
        """Kills it wherever it is, or tells it to stop and waits until it has. Returns its exit code; none
        where it did not even start."""
        self._up.clear()
        process, self._process = self._process, None
        if process is None:
            return None
        if process.returncode is None:
            process.send_signal(number)
        await process.wait()
        await self._follower
        self._up.clear()
        return process.returncode
