"""The table: medians, how far runs lay apart, and multiples of the base."""

import os
import platform
import statistics
import subprocess
import time
from pathlib import Path

from .servers import SERVERS
from .tools import BUILT, REPOSITORY


def outcomes(records, scenario, server):
    """The values that count, and the faults of the runs that do not."""
    runs = [run for run in records if run["scenario"] == scenario.name and run["server"] == server]
    return [run["value"] for run in runs if "value" in run], [run["fault"] for run in runs if "fault" in run]


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def latencies(records, scenario, server):
    """Medians of the 50th and the 99th percentile of the runs that count, in milliseconds."""
    runs = [run for run in records if run["scenario"] == scenario.name and run["server"] == server and "value" in run]
    return ", ".join(number(statistics.median(run[name] for run in runs) / 1000) for name in ("p50_us", "p99_us"))


def cell(records, scenario, server):
    if server not in scenario.servers:
        return "–"
    values, faults = outcomes(records, scenario, server)
    if not values:
        return "incomplete" if faults else "–"
    median = statistics.median(values)
    text = number(median)
    if len(values) > 1:
        text += f" ({number(min(values))}–{number(max(values))})"
    base, _ = outcomes(records, scenario, scenario.base)
    if base and server != scenario.base:
        text += f" **{median / statistics.median(base):.2f}×**"
    if scenario.latencies:
        text += f"; {latencies(records, scenario, server)} ms"
    if faults:
        text += f" [{len(faults)} of {len(faults) + len(values)} incomplete]"
    return text


def table(records, rows):
    names = {run["server"] for run in records}
    # The second loop has a column of Sluice's: it is only there for the row that compares the two.
    columns = [server for server in SERVERS if server.name in names and server.name != "sluice-2"]
    lines = ["| | " + " | ".join(server.title for server in columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for scenario in rows:
        cells = [cell(records, scenario, server.name) for server in columns]
        if "sluice-2" in scenario.servers:
            at = [server.name for server in columns].index("sluice") if "sluice" in names else None
            if at is not None:
                cells[at] += "; two loops: " + cell(records, scenario, "sluice-2")
        lines.append(f"| {scenario.title} ({scenario.unit}) | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def faults(records, rows):
    lines = []
    for scenario in rows:
        for server in SERVERS:
            _, found = outcomes(records, scenario, server.name)
            lines += [f"- {scenario.name}, {server.title}: {text.splitlines()[-1]}" for text in dict.fromkeys(found)]
    return "\n".join(["", "Runs that do not count:", "", *lines]) if lines else ""


def surroundings():
    """What the figures depend on: machine, system, versions."""
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    system = next((line.split("=")[1].strip('"') for line in Path("/etc/os-release").read_text().splitlines()
                   if line.startswith("PRETTY_NAME")), platform.system())
    return {"date": time.strftime("%F"), "processor": model, "cores": os.cpu_count(), "system": system,
            "kernel": platform.release(), "versions": versions()}


def versions():
    found = {server.title: server.version() for server in SERVERS if server.packages}
    try:
        found["Sluice"] = subprocess.run([BUILT / "sluice", "--version"], capture_output=True, text=True).stdout.strip()
        if "SLUICE_BINARY" not in os.environ:
            describe = ["git", "-C", REPOSITORY, "describe", "--always", "--dirty"]
            revision = subprocess.run(describe, capture_output=True, text=True).stdout.strip()
            found["Sluice"] += f" ({revision})" if revision else ""
    except OSError:
        pass  # not built: Sluice was left out
    return {title: version for title, version in found.items() if version}


def markdown(records, rows, where, rounds):
    versions = ", ".join(f"{title} {version}" for title, version in where["versions"].items())
    head = (f"{where['date']}, {where['processor']}, {where['cores']} cores, {where['system']}, "
            f"Linux {where['kernel']}. {versions}.\n\nMedians of {rounds} interleaved rounds (smallest–largest), and "
            "multiples of the raw C server's median; for memory, acknowledgements, polls and HTTP/2 of nchan's. Messages "
            "of 128 bytes, every server's processes on one core, the client on another.\n")
    return "\n".join([head, table(records, rows), faults(records, rows)]).rstrip() + "\n"
