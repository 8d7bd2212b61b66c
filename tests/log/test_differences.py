from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from chronotui.log.block import EventIds, block_of
from chronotui.log.causes import Weight, weight_of
from chronotui.log.differences import Change, LogKinds, differences
from chronotui.log.line_slice import LineSlice
from chronotui.log.suspects import MOST_SUSPECTS
from chronotui.model import STDERR, STDOUT, LogLine
from tests.engine.failing_jobs import Failure, failures
from tests.log import (
    further_failures,
    more_unseen_failures,
    unseen_failures,
    usual_failures,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


def kinds_of(lines: list[LogLine], batch: int = 700) -> LogKinds:
    kinds, ids = LogKinds(), EventIds()
    for start in range(0, len(lines), batch):
        block = block_of(lines[start : start + batch], ids)
        kinds.take(LineSlice(1, block, ids, range(len(block))))
    return kinds


def written(of: ModuleType) -> Callable[[], list[Failure]]:
    """Return failures written by somebody who did not know how causes are told."""
    return lambda: [
        Failure(
            job.name,
            lines_of(job.good),
            lines_of(job.bad),
            frozenset(at for at, line in enumerate(job.bad) if job.cause in line.text),
        )
        for job in of.failing_jobs()
    ]


def lines_of(lines: list[tuple[str, str]]) -> list[LogLine]:
    return [LogLine(1, at, *line[:1], at, line[1]) for at, line in enumerate(lines)]


def kept(name: str) -> Callable[[], list[Failure]]:
    """Return failures of a file, as a stranger wrote them down.

    A line has two marks before its text: ``*`` for the cause, ``!`` for stderr.
    """
    path = Path(__file__).parent / "failures" / f"{name}.txt"
    return lambda: [
        read_failure(each)
        for each in f"\n{path.read_text(encoding='utf-8')}".split("\n=== ")[1:]
    ]


def read_failure(text: str) -> Failure:
    name, logs = text.split("\n--- good\n")
    good, bad = (log.rstrip("\n").split("\n") for log in logs.split("\n--- bad\n"))
    causes = frozenset(at for at, line in enumerate(bad) if line[0] == "*")
    return Failure(name, marked(good), marked(bad), causes)


def marked(lines: list[str]) -> list[LogLine]:
    streams = (STDERR if line[1] == "!" else STDOUT for line in lines)
    said = zip(streams, (line[2:] for line in lines), strict=True)
    return lines_of(list(said))


class Reached(NamedTuple):
    """Of ten failures, how many have their cause where it is seen first.

    Attributes:
        shown: Among the few suspects, which stand above all else.
        first: The line on top.
    """

    shown: int
    first: int


SETS: Final = {
    "at the end": (failures, Reached(10, 9)),
    "calm ones": (written(unseen_failures), Reached(10, 6)),
    "more of them": (written(more_unseen_failures), Reached(10, 8)),
    "usual ones": (written(usual_failures), Reached(10, 7)),
    "further ones": (written(further_failures), Reached(10, 9)),
    "batch and data": (kept("batch_and_data"), Reached(9, 5)),
    "science": (kept("science_and_infrastructure"), Reached(10, 6)),
    "builds and services": (kept("builds_and_services"), Reached(8, 4)),
    "services and scripts": (kept("services_and_scripts"), Reached(6, 2)),
    "containers": (kept("containers"), Reached(9, 6)),
    "nightly jobs": (kept("nightly_jobs"), Reached(9, 7)),
}


@pytest.mark.parametrize("name", SETS)
def test_the_cause_of_a_failure_is_seen_first(name: str) -> None:
    of_set, at_least = SETS[name]
    shown, missed, first = 0, {}, 0
    for failure in of_set():
        found = differences(kinds_of(failure.failed), kinds_of(failure.good))
        suspects = [each.line for each in found if each.is_suspect]
        assert [each.line for each in found[: len(suspects)]] == suspects
        assert len(suspects) <= MOST_SUSPECTS
        is_cause = [line.sequence_num in failure.causes for line in suspects]
        shown += any(is_cause)
        first += is_cause[:1] == [True]
        if not any(is_cause):
            missed[failure.name] = [line.message for line in suspects]
    assert (shown >= at_least.shown, first >= at_least.first) == (True, True), missed


def told() -> str:
    """Return all that is told of some failures, as text."""
    return "\n".join(
        f"{failure.name} {each!r}"
        for failure in SETS["more of them"][0]()[:4]
        for each in differences(kinds_of(failure.failed), kinds_of(failure.good))
    )


def test_the_order_does_not_depend_on_the_seed_of_hashes() -> None:
    code = "from tests.log.test_differences import told; print(told())"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert outputs.pop().count(b"\n") > 50


ROUTINE: Final = [f"row {n}" for n in range(50)]
TRACEBACK: Final = "Traceback (most recent call last):"
FRAME: Final = '  File "a.py", line 3, in build'


def log(*messages: str, stream: str = STDOUT) -> list[LogLine]:
    return [LogLine(1, n, stream, n, text) for n, text in enumerate(messages)]


def test_what_is_new_far_off_and_gone() -> None:
    before = log(*[f"row {n}" for n in range(500)], *["tick"] * 200, "done 7")
    now = log(*[f"row {n}" for n in range(500)], *["tick"] * 20, "stopped at 3")
    found = differences(kinds_of(now), kinds_of(before))
    assert [each[:4] for each in found] == [
        (Change.NEW, "stopped at #", 1, 0),
        (Change.FEWER, "tick", 20, 200),
        (Change.GONE, "done #", 0, 1),
    ]
    assert [each.line.message for each in found] == ["stopped at 3", "tick", "done 7"]


def test_a_run_that_is_shorter_says_nothing_less_often() -> None:
    routine = [text for n in range(400) for text in (f"read {n}", f"wrote {n}")]
    assert not differences(kinds_of(log(*routine[:200])), kinds_of(log(*routine)))


def test_of_a_job_that_ended_well_nothing_is_suspected() -> None:
    found = differences(
        kinds_of(log("WARN no b", "c")), kinds_of(log("c", "d")), ended_well=True
    )
    assert [each[:2] for each in found] == [
        (Change.NEW, "WARN no b"),
        (Change.GONE, "d"),
    ]
    assert not any(each.is_suspect for each in found)


def test_equal_logs_do_not_differ() -> None:
    lines = log(*[f"row {n}" for n in range(50)], "ERROR 7")
    assert not differences(kinds_of(lines), kinds_of(lines, batch=3))
    assert not differences(kinds_of([]), kinds_of([]))


def order_of(before: list[str], now: list[str]) -> list[str]:
    """Return the new lines, the likely cause first."""
    found = differences(kinds_of(log(*now)), kinds_of(log(*before)))
    return [each.line.message for each in found if each.change is Change.NEW]


@pytest.mark.parametrize(
    ("now", "first"),
    [
        # An exception, wherever its name stands, before what it is logged with.
        (["ERROR row 7", TRACEBACK, FRAME, "KeyError: 'a'"], "KeyError: 'a'"),
        (["ERROR no build", "job[7]: a.KeyError: 'a'"], "job[7]: a.KeyError: 'a'"),
        (["WARN row 7", TRACEBACK, FRAME, "psycopg2.errors.Bad: b"], "psycopg2.err"),
        # The root of a chain of them.
        (
            ["a.B: c is lost", "\tat a.B", "Caused by: c.D: no such key"],
            "Caused by: c.D",
        ),
        (
            ["Error: import failed", "Caused by:", "    1: no field b"],
            "    1: no field b",
        ),
        # What is told in words, before what is only loud.
        (["ERROR step 3", "INFO mount refused, falling back to local"], "INFO mount"),
        # The words of a crash, not where it was.
        (["thread 'a' panicked at src/a.rs:3:4:", "Os { code: 28, no space }"], "Os"),
        # What may follow from an earlier event comes later.
        (["WARN no peer lost", *ROUTINE, "ERROR peer is lost"], "WARN no peer"),
        # Not what was put right, nor what frames and code say.
        (["WARN peer lost, reconnected", *ROUTINE, "ERROR peer lost"], "ERROR peer"),
        (
            ["\tat a.NoSuchKeyError", "    raise KeyError()", "WARN no key"],
            "WARN no key",
        ),
        # No level and no count of nothing is a complaint.
        (["level=error msg=a", "INFO 0 errors", "WARN not read"], "WARN not read"),
    ],
)
def test_what_is_suspected_first(now: list[str], first: str) -> None:
    assert order_of(ROUTINE, [*ROUTINE, *now])[0].startswith(first)


def test_what_the_good_run_says_of_something_else_is_less_suspect() -> None:
    before = [f"ERROR send of {name} was refused by peer" for name in ("a-b", "c-d")]
    now = ["ERROR send of e-f was refused by peer", "ERROR disk was refused by peer"]
    assert order_of(before, now) == now[::-1]


def test_of_lines_of_one_wording_one_is_suspected() -> None:
    now = [f"could not read a{n}-{name}" for n, name in enumerate("bcdefg")]
    found = differences(kinds_of(log(*now)), kinds_of(log("a")))
    assert [each.is_suspect for each in found[:2]] == [True, False]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("INFO pool=40 mode=fast", "INFO pool=4 mode=fast"),
        ('{"msg":"a","timeout": "2s"}', '{"msg":"a","timeout": "2us"}'),
        ("INFO unit=GBX rows=7", "INFO unit=GBP rows=7"),
        ("INFO types: id=int64, name=object", "INFO types: id=float64, name=object"),
        ("INFO mean=[0.46, 0.48, 0.41]", "INFO mean=[0.46, 0.48, 0.01]"),
        ("INFO loaded 4117 entries", "INFO loaded 0 entries"),
        ("INFO 7 rows, 0 rejected", "INFO 9 rows, 3 rejected"),
    ],
)
def test_a_value_that_is_far_off_is_suspect(before: str, now: str) -> None:
    found = differences(kinds_of(log("x", now)), kinds_of(log("x", before)))
    assert (found[0].is_suspect, found[0].line.message) == (True, now)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("INFO pool=40", "INFO pool=50"),
        ("2024-01-09T10:00:01 took=1.2s", "2024-01-10T11:10:09 took=2.9s"),
        ("build 118 of 4f1c", "build 119 of 9aa2"),
    ],
)
def test_a_value_that_is_near_is_no_news(before: str, now: str) -> None:
    assert not differences(kinds_of(log("x", now)), kinds_of(log("x", before)))


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ("pool=40 mode=fast", "pool=4 mode=fast", "pool was 40"),
        ('{"timeout":"2s","n":1}', '{"timeout":"2us","n":1}', "timeout was 2s"),
        ("7 rows, 0 rejected", "9 rows, 3 rejected", "was 7, 0"),
        ("rows: 9130 written.", "rows: 0 written.", "rows was 9130"),
    ],
)
def test_what_a_value_was_is_told_of_a_suspect(
    before: str, now: str, told: str
) -> None:
    first, *_rest = differences(kinds_of(log(now)), kinds_of(log(before)))
    assert (first.is_suspect, first.line.message) == (True, now)
    assert first.before == told


def test_of_a_new_line_is_told_what_its_setting_was_elsewhere() -> None:
    good = ["started with pool=40", "reconnected, pool=50 now"]
    first, *_rest = differences(
        kinds_of(log("cannot connect, pool=4 of 4 in use")), kinds_of(log(*good))
    )
    assert first.before == "pool was 40 or 50"


def test_the_order_does_not_depend_on_how_a_log_came() -> None:
    failure = failures()[0]
    one, other = (
        differences(kinds_of(failure.failed, batch), kinds_of(failure.good, batch))
        for batch in (1, 999)
    )
    assert one == other


@pytest.mark.parametrize(
    ("message", "stream", "weight"),
    [
        ("KeyError: 'a'", STDOUT, Weight.RAISED),
        ("panic: no", STDERR, Weight.RAISED),
        ("Traceback (most recent call last):", STDERR, Weight.PLAIN),
        ("ERROR a", STDOUT, Weight.ERROR),
        ("src/a.ts(3,5): error TS2339: no x", STDOUT, Weight.ERROR),
        ("Caused by: a.B: c", STDOUT, Weight.RAISED),
        ("+ rm -rf a", STDERR, Weight.PLAIN),
        ("WARN cannot a", STDERR, Weight.WARNS),
        ("INFO a failed", STDERR, Weight.PLAIN),
        ("a", STDERR, Weight.STDERR),
        ("12 rows rejected", STDOUT, Weight.COMPLAINS),
        ("12 rows", STDOUT, Weight.PLAIN),
        ("    raise KeyError(a)", STDERR, Weight.COMPLAINS),
    ],
)
def test_the_weight_of_a_line(message: str, stream: str, weight: Weight) -> None:
    assert weight_of(LogLine(1, 0, stream, 0, message)) is weight
