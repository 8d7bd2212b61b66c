from __future__ import annotations

import pytest

from chronotui.log.block import EventIds, block_of
from chronotui.log.differences import Change, LogKinds, Weight, differences, weight_of
from chronotui.log.line_slice import LineSlice
from chronotui.model import STDERR, STDOUT, LogLine
from tests.engine.failing_jobs import FAILURES, Failure, failures

MOST_MISSED = 1
"""Of ten failures; what engineers would look for stands first in all others."""


def kinds_of(lines: list[LogLine], batch: int = 700) -> LogKinds:
    kinds, ids = LogKinds(), EventIds()
    for start in range(0, len(lines), batch):
        block = block_of(lines[start : start + batch], ids)
        kinds.take(LineSlice(1, block, ids, range(len(block))))
    return kinds


def first_new(failure: Failure) -> LogLine:
    found = differences(kinds_of(failure.failed), kinds_of(failure.good))
    return next(each.line for each in found if each.change is Change.NEW)


def test_the_cause_of_a_failure_comes_first() -> None:
    all_of_them = failures()
    assert len(all_of_them) == len(FAILURES) == 10
    missed = {
        failure.name: line.message
        for failure in all_of_them
        if (line := first_new(failure)).sequence_num not in failure.causes
    }
    assert len(missed) <= MOST_MISSED, missed


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


def test_equal_logs_do_not_differ() -> None:
    lines = log(*[f"row {n}" for n in range(50)], "ERROR 7")
    assert not differences(kinds_of(lines), kinds_of(lines, batch=3))
    assert not differences(kinds_of([]), kinds_of([]))


def test_what_healed_early_comes_after_what_ended_the_job() -> None:
    routine = [f"row {n}" for n in range(1000)]
    healed = [*routine[:100], "ERROR lease lost", *routine, "could not write"]
    found = differences(kinds_of(log(*healed)), kinds_of(log(*routine)))
    assert [each.line.message for each in found] == [
        "could not write",
        "ERROR lease lost",
    ]


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
