"""Tests/Benchmarks/compare: what was chosen, the rounds, and the files they are written to."""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from . import tools
from .measuring import measure
from .report import markdown, surroundings
from .scenarios import scenarios
from .servers import SERVERS


def arguments():
    names = [server.name for server in SERVERS if server.name != "sluice-2"]
    parser = argparse.ArgumentParser(
        prog="compare", description="Measures Sluice and its peers on this machine and writes the table.")
    parser.add_argument("--rounds", type=int, metavar="N", help="runs of each server in each scenario (default: 5)")
    parser.add_argument("--scenario", action="append", metavar="NAME",
                        help="only this row, or those that begin with it; can be given again")
    parser.add_argument("--only", metavar="NAMES", help=f"only these servers, separated by commas: {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="one round with 1,000 connections: does it work?")
    parser.add_argument("--output", type=Path, default=tools.BUILT / "latest", metavar="PATH",
                        help="writes PATH.md and PATH.json, with every run (default: .build-benchmarks/latest)")
    parser.add_argument("--list", action="store_true", help="write the scenarios' names and end")
    chosen = parser.parse_args()
    if chosen.rounds is None:
        chosen.rounds = 1 if chosen.quick else 5
    if chosen.rounds < 1:
        parser.error("--rounds takes a number from 1")
    chosen.only = chosen.only.split(",") if chosen.only else names
    for name in chosen.only:
        if name not in names:
            parser.error(f"there is no server '{name}'; there are: {', '.join(names)}")
    if "sluice" in chosen.only:
        chosen.only.append("sluice-2")
    return parser, chosen


def chosen_rows(parser, chosen):
    rows = scenarios(chosen.quick)
    for wanted in chosen.scenario or []:
        if not any(row.name.startswith(wanted) for row in rows):
            parser.error(f"no scenario begins with '{wanted}'; there are: {', '.join(row.name for row in rows)}")
    return [row for row in rows
            if not chosen.scenario or any(row.name.startswith(wanted) for wanted in chosen.scenario)]


def prepare(servers):
    if (os.cpu_count() or 1) < 2:
        tools.stop("two cores are needed, one for a server and one for the client")
    tools.allow_open_files()
    tools.install(["gcc", "libc6-dev", "libssl-dev", "libnghttp2-dev", "openssl", "util-linux",
                   *(package for server in servers for package in server.packages)])
    tools.compile_programs()
    tools.make_certificate()
    if any(server.name.startswith("sluice") for server in servers):
        tools.sluice_binary()


def competitors(row, servers):
    """The servers of a row that were chosen and have its transport."""
    return [server for server in servers
            if server.name in row.servers and (row.transport is None or row.transport in server.reads)]


def gave_up(records, row, server):
    """Whether its first two runs of this row were incomplete: a third would only take long, too."""
    first = [run for run in records if run["scenario"] == row.name and run["server"] == server.name][:2]
    return len(first) == 2 and all("fault" in run for run in first)


def compare(rows, servers, rounds, save):
    """Rounds of a row are interleaved, A B C A B C …: what disturbs the machine disturbs all of them."""
    records = []
    for row in rows:
        tools.say(f"\n{row.title}")
        for round in range(rounds):
            for server in competitors(row, servers):
                if gave_up(records, row, server):
                    continue
                record = measure(row, server)
                records.append(record | {"round": round})
                outcome = f"{record['value']:.3f} {row.unit}" if "value" in record else record["fault"]
                tools.say(f"  {round + 1}/{rounds} {server.title}: {outcome}")
        save(records)
    return records


def main():
    # Ended from outside, it still ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser, chosen = arguments()
    rows = chosen_rows(parser, chosen)
    if chosen.list:
        print("\n".join(row.name for row in rows))
        return
    servers = [server for server in SERVERS if server.name in chosen.only]
    prepare(servers)
    where = surroundings()
    chosen.output.parent.mkdir(parents=True, exist_ok=True)

    def save(records):
        text = json.dumps({"surroundings": where, "rounds": chosen.rounds, "runs": records}, indent=1)
        chosen.output.with_suffix(".json").write_text(text + "\n")
        chosen.output.with_suffix(".md").write_text(markdown(records, rows, where, chosen.rounds))

    try:
        compare(rows, servers, chosen.rounds, save)
    except KeyboardInterrupt:
        sys.exit(130)
    print(chosen.output.with_suffix(".md").read_text(), end="")


main()
