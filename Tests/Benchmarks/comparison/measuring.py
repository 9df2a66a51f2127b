"""One run: a server started afresh, fanclient against it, and what came of it."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from .processes import NotServing
from .tools import BUILT

# Longest wait for messages that are still missing, and for a whole run: a server that is slower has not kept up.
SILENCE = 10
LIMIT = 90


def client_core(scenario):
    """Core 1, as servers have core 0. Where a server has two, the next one if there is one."""
    return "1" if scenario.own_core or os.cpu_count() < 3 else "2"


def measure(scenario, server):
    """A record of one run: fanclient's figures, the figure that counts as `value`, or why there is none as `fault`."""
    record = {"scenario": scenario.name, "server": server.name, "time": time.strftime("%FT%T%z")}
    directory = Path(tempfile.mkdtemp(prefix="sluice-compare-"))
    directory.chmod(0o755)  # nginx's workers and Mosquitto give up root
    try:
        processes, words = server.start(directory, scenario.transport)
        with processes:
            time.sleep(0.3)
            record |= run_client(scenario, server, processes.ids(), words)
    except NotServing as fault:
        record["fault"] = str(fault)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if "fault" not in record:
        record |= judged(scenario, record)
    return record


def run_client(scenario, server, ids, words):
    reads = server.reads.get(scenario.transport, [])
    command = ["taskset", "--cpu-list", client_core(scenario), BUILT / "fanclient", *words, *reads, *server.publishes,
               "-i", SILENCE, "-S", ",".join(map(str, ids)), *scenario.arguments]
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return {"fault": f"not done in {LIMIT} s"}
    if done.returncode or not done.stdout:
        return {"fault": done.stderr.strip()[-300:] or f"the client ended with {done.returncode}"}
    return json.loads(done.stdout)


def judged(scenario, run):
    """A run counts only if everyone got everything that was published, once."""
    if "resident_kib" not in run:
        if run["failures"]:
            return {"fault": f"{run['failures']} failures"}
        if run["acknowledged"] != run["published"]:
            return {"fault": f"{run['acknowledged']} of {run['published']} publishes acknowledged"}
        if run["min"] != run["max"]:
            return {"fault": f"{run['min']} to {run['max']} messages of {run['published']}"}
        if scenario.transport and "-Z" not in scenario.arguments and run["min"] != run["published"]:
            return {"fault": f"{run['min']} messages of {run['published']}"}
        if run["published"] < 0.95 * scenario.rate * scenario.seconds:
            return {"fault": f"{run['published'] / scenario.seconds:.0f} messages/s of {scenario.rate}"}
    return {"value": scenario.figure(run)}
