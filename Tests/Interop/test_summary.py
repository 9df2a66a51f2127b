"""deploy/summary.py says what failed and how to run it again, from the files that the test runners write."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

PYTEST = """<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest">
<testcase classname="Tests.Interop.test_curl" name="test_a_body_arrives_whole[1.0]" time="0.250"><properties>
<property name="test" value="Tests/Interop/test_curl.py::test_a_body_arrives_whole[1.0]" />
<property name="values" value="seed 7" /></properties><failure message="assert 1 == 2&#10;more">trace</failure></testcase>
<testcase classname="Tests.Interop.test_curl" name="test_b" time="3.5" />
<testcase classname="Tests.Interop.test_curl" name="test_c" time="0"><skipped message="no" /></testcase>
</testsuite></testsuites>"""

SWIFT = """<?xml version="1.0" encoding="UTF-8"?>
<testsuites><testsuite name="TestResults"><testcase classname="HubTests.Sessions" name="`leave nothing behind`(seed:)"
time="0.5"><failure message="x" /></testcase>
<testcase classname="HubTests.Sessions" name="`begin`()" time="0.1" /></testsuite></testsuites>"""

SWIFT_LOG = """\
◇ Test run started.
◇ Test "leave nothing behind" started.
◇ Test "begin" started.
◇ Test case passing 1 argument seed → 3 to "leave nothing behind" started.
✘ Test "leave nothing behind" recorded an issue with 1 argument seed → 3 at HubTests.swift:7:5: Expectation failed
✔ Test "begin" passed after 0.100 seconds.
"""

TAP = """\
TAP version 13
# Subtest: polls go on
ok 1 - polls go on
  ---
  duration_ms: 12.5
  ...
not ok 2 - a poll that was cut
  ---
  duration_ms: 2500
  type: 'test'
  ...
"""


@pytest.fixture
def summary(tmp_path):
    """summary(part, status, seconds, budget, log, junit): the summary's text, and its exit status."""

    def summary(part="interop", status=0, seconds=10, budget=10, log="", junit=""):
        results = tmp_path / "results"
        results.mkdir()
        (tmp_path / "part.log").write_text(log)
        if junit:
            (results / "tests.xml").write_text(junit)
        run = tmp_path / "run.tsv"
        run.write_text("\t".join(map(str, [part, status, seconds, budget, tmp_path / "part.log", results])) + "\n")
        ended = subprocess.run(
            [sys.executable, ROOT / "deploy" / "summary.py", "gate", run], capture_output=True, text=True, timeout=30)
        assert not ended.stderr
        return ended.stdout, ended.returncode

    return summary


def test_a_failed_test_of_pytest_is_named_with_its_seed_and_its_command(summary):
    text, status = summary(status=1, junit=PYTEST)
    assert "Failed: a body arrives whole (seed 7): assert 1 == 2\n" in text
    assert "deploy/test interop 'Tests/Interop/test_curl.py::test_a_body_arrives_whole[1.0]'\n" in text
    assert text.endswith("\n1 passed, 1 failed\n") and status == 1


def test_a_failed_test_of_swift_is_named_with_its_suite_its_arguments_and_its_command(summary):
    text, status = summary("unit", 1, log=SWIFT_LOG, junit=SWIFT)
    assert "Failed: Sessions: leave nothing behind: with 1 argument seed → 3 at HubTests.swift:7:5" in text
    assert "deploy/test unit --filter 'leave nothing behind'\n" in text
    assert text.endswith("\n1 passed, 1 failed\n") and status == 1


def test_after_a_crash_the_tests_that_had_not_ended_are_named(summary):
    text, status = summary("unit", 139, log=SWIFT_LOG.replace("✘", "◇ x ✘"))
    assert "Failed: leave nothing behind: It had not ended when the run did.\n" in text
    assert text.endswith("\n1 passed, 1 failed\n") and status == 1


def test_a_file_that_a_crash_left_incomplete_is_not_read(summary):
    text, status = summary(
        "addresses", 134, log=SWIFT_LOG.replace("✘", "◇ x ✘") + "SUMMARY: AddressSanitizer: heap-use-after-free in free\n",
        junit='<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n')
    assert "Failed: leave nothing behind: It had not ended when the run did.\n" in text
    assert "SUMMARY: AddressSanitizer: heap-use-after-free in free\n" in text
    assert text.endswith("\n1 passed, 1 failed\n") and status == 1


def test_a_name_with_parentheses_stays_whole(summary):
    junit = SWIFT.replace("leave nothing behind", "leave nothing (or little) behind")
    text, _ = summary("unit", 1, junit=junit)
    assert "Failed: Sessions: leave nothing (or little) behind\n" in text


def test_tests_of_node_are_read_from_its_log(summary):
    text, status = summary("client", 1, log=TAP)
    assert "deploy/test client --test-name-pattern 'a poll that was cut'\n" in text
    assert "    2.5 s  client     a poll that was cut\n" in text
    assert text.endswith("\n1 passed, 1 failed\n") and status == 1


def test_a_part_without_tests_counts_as_one(summary):
    text, status = summary("build", 1, log="main.swift:1:1: error: no such module\n")
    assert "main.swift:1:1: error: no such module" in text and "To run it again: deploy/test build\n" in text
    assert text.endswith("\n0 passed, 1 failed\n") and status == 1


def test_a_part_that_ends_badly_has_failed_though_all_of_its_tests_passed(summary):
    text, status = summary("threads", 66, junit=SWIFT.replace('<failure message="x" />', ""))
    assert "threads     FAILED" in text and "It ended with status 66" in text
    assert text.endswith("\n2 passed, 1 failed\n") and status == 1


def test_a_part_that_takes_a_fifth_longer_than_planned_says_so_and_passes(summary):
    text, status = summary("format", 0, 13, 10)
    assert "format took 13 s; planned are 10 s." in text and status == 0


def test_a_part_within_a_fifth_of_its_budget_says_nothing(summary):
    assert "planned" not in summary("format", 0, 12, 10)[0]


def test_the_slowest_tests_come_first(summary):
    text, _ = summary(junit=PYTEST)
    slowest = text.split("slowest tests:\n")[1].splitlines()
    assert [line.split()[0] for line in slowest[:2]] == ["3.5", "0.2"]


@pytest.mark.parametrize("arguments, error", [
    (["nosuch"], "there is no part 'nosuch'; the parts of the gate are: format build"),
    (["soak", "format"], "there is no part 'format'; the parts of the soak are: unit stores"),
    (["unit", "interop", "-k", "x"], "options are for one part"),
    (["format", "--strict"], "part 'format' takes no options"),
])
def test_wrong_arguments_of_deploy_test_are_refused_in_words(arguments, error):
    ended = subprocess.run([ROOT / "deploy" / "test", *arguments], capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1 and error in ended.stderr
