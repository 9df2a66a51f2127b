"""Sums up a run of deploy/test: what passed and failed, how to run a failed test again, which parts took longer than
planned, and the slowest tests.

Usage: summary.py gate|soak RUN
RUN has a line for each part, with tabs between: name, exit status, seconds, planned seconds, log file, results folder.
The results folder holds JUnit XML of `swift test` and pytest. Other parts are read from their logs. Ends with status 1
if anything failed.
"""

import collections
import dataclasses
import pathlib
import re
import shlex
import sys
import xml.etree.ElementTree

SLOWEST = 20
# The summary names a part that takes more than this times its budget.
TOLERANCE = 1.2
# Exit statuses of `timeout`: the part was ended, or killed because it did not end.
TIMED_OUT = (124, 137)

SWIFT_TEST = re.compile(r"^\W{0,4}Test (?P<name>.+) (?P<outcome>passed|failed) after (?P<seconds>[\d.]+) seconds", re.M)
SWIFT_STARTED = re.compile(r"^\W{0,4}Test (?P<name>.+) started\.$", re.M)
SWIFT_ISSUE = re.compile(r"^\W{0,4}Test (?P<name>.+?) recorded an issue(?P<details>.*)$", re.M)
# "a display name", `a raw name`(parameter:) or name(parameter:)
SWIFT_NAME = re.compile(r'"(.*)"|`(.*)`(?:\(.*\))?$|([^(]*)')
SWIFT_CASES = re.compile(r" with \d+ test cases?$")
# Whole runs and single arguments of a test are reported in lines like those of tests.
SWIFT_OTHERS = re.compile(r"^(run|case)\b")
TAP_TEST = re.compile(
    r"^(?P<not>not )?ok \d+ - (?P<name>.*)\n  ---\n(?:  .*\n)*?  duration_ms: (?P<milliseconds>[\d.]+)", re.M)
COUNTED = re.compile(r"^(\d+) passed, (\d+) failed$", re.M)
ERROR = re.compile(r"^.*: error: .*$", re.M)
SANITIZER = re.compile(r"^SUMMARY: \w+Sanitizer: .*$", re.M)


@dataclasses.dataclass
class Test:
    """One test. `again` holds the options of deploy/test that run it alone."""
    name: str
    seconds: float
    failed: bool = False
    reason: str = ""
    again: tuple = ()


@dataclasses.dataclass
class Part:
    name: str
    status: int
    seconds: int
    budget: int
    log: str
    tests: list
    # Set for a runner that reports counts and no tests.
    counts: tuple = None

    @property
    def failed(self):
        if self.counts:
            failed = self.counts[1]
        else:
            failed = sum(test.failed for test in self.tests)
        # A part that ends badly has failed even if all of its tests passed: a crash, a data race, a time-out.
        return failed or int(self.status != 0)

    @property
    def passed(self):
        if self.counts:
            return self.counts[0]
        return sum(not test.failed for test in self.tests) if self.tests else int(self.status == 0)

    @property
    def outcome(self):
        if self.status in TIMED_OUT:
            return "took too long"
        return "FAILED" if self.failed else "ok"


# MARK: Reading what the runners wrote


def swift_tests(log, junit=None):
    """Tests of `swift test`, from its JUnit XML, which it writes at its end, or after a crash from its log."""
    reasons = {}
    for issue in SWIFT_ISSUE.finditer(log):
        reasons.setdefault(_plain(issue["name"]), issue["details"].strip())
    if junit:
        return [
            _swift_test(
                case.get("name"), float(case.get("time")), case.find("failure") is not None, reasons,
                case.get("classname").split(".")[-1])
            for case in xml.etree.ElementTree.fromstring(junit).iter("testcase") if case.find("skipped") is None]
    tests, running = [], collections.Counter()
    for started in SWIFT_STARTED.finditer(log):
        running[_plain(started["name"])] += 1
    for ended in SWIFT_TEST.finditer(log):
        name = _plain(SWIFT_CASES.sub("", ended["name"]))
        running[name] -= 1
        if not SWIFT_OTHERS.match(name):
            tests.append(_swift_test(name, float(ended["seconds"]), ended["outcome"] == "failed", reasons))
    for name, count in running.items():
        if count > 0 and not SWIFT_OTHERS.match(name):
            reasons.setdefault(name, "It had not ended when the run did.")
            tests.append(_swift_test(name, 0, True, reasons))
    return tests


def _plain(name):
    """A test's name without the quotes, backticks or parameters that the runner puts around it."""
    return next(filter(None, SWIFT_NAME.match(name).groups()), "")


def _swift_test(name, seconds, failed, reasons, suite=None):
    """Many names are a sentence only together with the name of their suite."""
    name = _plain(name)
    return Test(
        f"{suite}: {name}" if suite else name, seconds, failed, reasons.get(name, ""),
        ("--filter", re.escape(name).replace(r"\ ", " ")))


def pytest_tests(text):
    """Tests of pytest, from its JUnit XML."""
    tests = []
    for case in xml.etree.ElementTree.fromstring(text).iter("testcase"):
        if case.find("skipped") is not None:
            continue
        problem = case.find("failure") if case.find("failure") is not None else case.find("error")
        properties = {entry.get("name"): entry.get("value") for entry in case.iter("property")}
        where = properties.get("test", case.get("name"))
        name = where.rsplit("::", 1)[-1].split("[")[0].removeprefix("test_").replace("_", " ")
        values = properties.get("values")
        tests.append(Test(
            f"{name} ({values})" if values else name, float(case.get("time")), problem is not None,
            problem.get("message", "").split("\n")[0] if problem is not None else "", (where,)))
    return tests


def node_tests(log):
    """Tests of `node --test`, from its log in the TAP format."""
    return [
        Test(
            found["name"], float(found["milliseconds"]) / 1000, bool(found["not"]), "",
            ("--test-name-pattern", found["name"]))
        for found in TAP_TEST.finditer(log)]


def _is_complete(written):
    """False for the beginning of a file, which is all that a runner that crashed leaves."""
    try:
        xml.etree.ElementTree.fromstring(written)
    except xml.etree.ElementTree.ParseError:
        return False
    return True


def read(line):
    """One part, from its line in RUN."""
    name, status, seconds, budget, log, results = line.rstrip("\n").split("\t")
    text = pathlib.Path(log).read_text(errors="replace")
    tests, counts = [], None
    for file in sorted(pathlib.Path(results).glob("*.xml")):
        written = file.read_text(errors="replace")
        if not _is_complete(written):
            continue
        tests += pytest_tests(written) if 'name="pytest' in written[:300] else swift_tests(text, written)
    if not tests:
        tests = swift_tests(text) or node_tests(text)
    if not tests and (found := COUNTED.findall(text)):
        counts = tuple(map(int, found[-1]))
    return Part(name, int(status), int(seconds), int(budget), log, tests, counts)


# MARK: Saying it


def summary(tier, parts):
    """The lines of the summary."""
    command = "deploy/test soak" if tier == "soak" else "deploy/test"
    lines = [""]
    for part in parts:
        lines.append(
            f"{part.name:<11} {part.outcome:<14} {part.passed:>5} passed {part.failed:>4} failed {part.seconds:>5} s")
        if part.seconds > part.budget * TOLERANCE:
            lines.append(f"  {part.name} took {part.seconds} s; planned are {part.budget} s.")
        lines += [f"  {line}" for line in _failures(part, command)]
    tests = [(test, part) for part in parts for test in part.tests]
    slowest = sorted(tests, key=lambda pair: -pair[0].seconds)[:SLOWEST]
    if slowest:
        lines += ["", f"The {len(slowest)} slowest tests:"]
        lines += [f"{test.seconds:>7.1f} s  {part.name:<10} {test.name}" for test, part in slowest]
    total = sum(part.seconds for part in parts)
    lines += ["", f"All parts together: {total // 60} min {total % 60} s"]
    lines += ["", f"{sum(part.passed for part in parts)} passed, {sum(part.failed for part in parts)} failed"]
    return lines


def _failures(part, command):
    if not part.failed:
        return
    for test in part.tests:
        if test.failed:
            yield f"Failed: {test.name}" + (f": {test.reason[:300]}" if test.reason else "")
            yield f"  To run it again: {command} {part.name} {' '.join(map(shlex.quote, test.again))}"
    log = pathlib.Path(part.log).read_text(errors="replace")
    yield from (line[:300] for line in dict.fromkeys(SANITIZER.findall(log)))
    if not any(test.failed for test in part.tests):
        errors = ERROR.findall(log)
        for error in list(dict.fromkeys(errors))[:20]:
            yield error[:300]
        yield f"It ended with status {part.status}; the end of {part.log} says why."
        yield f"To run it again: {command} {part.name}"


def main(tier, run):
    parts = [read(line) for line in pathlib.Path(run).read_text().splitlines()]
    print("\n=== Summary (logs and results: .build-interop)")
    print("\n".join(summary(tier, parts)))
    return 1 if any(part.failed for part in parts) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
