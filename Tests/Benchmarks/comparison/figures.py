"""Plain tables of medians and how far the runs lay apart."""

import os
import statistics
import time
from pathlib import Path

from .processes import NotServing
from .report import number
from .single import Incomplete
from .tools import say


def spread(values):
    """`median (smallest–largest)`; a dash if no run counted."""
    if not values:
        return "–"
    text = number(statistics.median(values))
    return text if len(values) == 1 else f"{text} ({number(min(values))}–{number(max(values))})"


def ratio(values, base):
    """The median as a multiple of another's."""
    return f"{statistics.median(values) / statistics.median(base):.3g}×" if values and base else "–"


def show(title, head, rows):
    """A table on stdout, its columns as wide as what stands in them."""
    cells = [head, *rows]
    widths = [max(len(str(row[i])) for row in cells) for i in range(len(head))]
    lines = ["  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells]
    print(f"\n{title}\n\n" + "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]]), flush=True)


# Before a run: how much of the cores others may take, and how many seconds are waited for less.
OTHERS = 0.1
PATIENCE = 60


def wait_until_idle():
    """Waits for others to be done with the machine, or for `PATIENCE`."""
    deadline = time.monotonic() + PATIENCE
    while busy_share(0.3) > OTHERS:
        if time.monotonic() > deadline:
            return say(f"  others take more than {OTHERS:.0%} of this machine: do not trust what follows")


def busy_share(seconds):
    """How much of all cores' time was not idle."""
    def idle():
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[4:6]
        return sum(map(int, fields)) / os.sysconf("SC_CLK_TCK")

    before, began = idle(), time.monotonic()
    time.sleep(seconds)
    return 1 - (idle() - before) / (time.monotonic() - began) / os.cpu_count()


class Rounds:
    """Interleaved rounds, A B C A B C …: what disturbs the machine disturbs all of them. `runs` has, for each name, the
    outcomes of the runs that count."""

    def __init__(self, count, cases):
        self.runs = {name: [] for name in cases}
        for round in range(count):
            for name, case in cases.items():
                wait_until_idle()
                try:
                    self.runs[name].append(case())
                    say(f"  {round + 1}/{count} {name}: {self.runs[name][-1]}")
                except (Incomplete, NotServing) as fault:
                    say(f"  {round + 1}/{count} {name} does not count: {fault}")

    def values(self, name, key):
        return [run[key] for run in self.runs[name]]
