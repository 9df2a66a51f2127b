"""Plain tables of medians and how far the runs lay apart."""

import statistics

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


class Rounds:
    """Interleaved rounds, A B C A B C …: what disturbs the machine disturbs all of them. `runs` has, for each name, the
    outcomes of the runs that count."""

    def __init__(self, count, cases):
        self.runs = {name: [] for name in cases}
        for round in range(count):
            for name, case in cases.items():
                try:
                    self.runs[name].append(case())
                    say(f"  {round + 1}/{count} {name}: {self.runs[name][-1]}")
                except (Incomplete, NotServing) as fault:
                    say(f"  {round + 1}/{count} {name} does not count: {fault}")

    def values(self, name, key):
        return [run[key] for run in self.runs[name]]
