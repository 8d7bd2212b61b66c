"""Several jobs' lines handed out in one order, from readers that take their time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from chronotui.engine.merged_lines import (
    BEHIND_SECONDS,
    HOLD_SECONDS,
    JobPart,
    MergedLines,
    Turns,
)
from chronotui.engine.timing import Clock
from chronotui.errors import NotAllowedError
from chronotui.log.merged import milliseconds
from chronotui.model import STDOUT, LogLine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

START = 1_700_000_000 * 10**9
NOW = START / 10**9


@dataclass
class Reader:
    """Hands out batches; an error ends it."""

    lines: list[LogLine]
    sizes: list[int] = field(default_factory=lambda: [3])
    error: Exception | None = None

    async def batches(self) -> AsyncIterator[list[LogLine]]:
        at, turn = 0, 0
        while at < len(self.lines):
            size = self.sizes[turn % len(self.sizes)]
            yield self.lines[at : at + size]
            at, turn = at + size, turn + 1
            await asyncio.sleep(0)
        if self.error is not None:
            raise self.error


def log(name: str, times: list[int]) -> list[LogLine]:
    return [
        LogLine(1, n, STDOUT, START + at * 1_000_000, f"{name} {n}")
        for n, at in enumerate(times)
    ]


async def handed_out(merged: MergedLines) -> list[tuple[int, LogLine]]:
    return [each async for batch in merged.batches() for each in batch]


def by_job(found: list[tuple[int, LogLine]], jobs: int) -> list[list[LogLine]]:
    return [[line for part, line in found if part == job] for job in range(jobs)]


all_times = st.lists(st.lists(st.integers(0, 30), max_size=20), min_size=1, max_size=4)
sizes = st.lists(st.integers(1, 7), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(all_times, sizes, st.booleans())
def test_each_job_is_whole_and_in_order(
    times: list[list[int]], batches: list[int], live: bool
) -> None:
    logs = [log(f"job {n}", each) for n, each in enumerate(times)]
    readers = [Reader(lines, batches) for lines in logs]

    async def read() -> list[tuple[int, LogLine]]:
        return await handed_out(MergedLines(readers, live=live))

    found = asyncio.run(read())
    assert by_job(found, len(logs)) == logs
    if not live:
        latest = [0] * len(logs)
        placed = []
        for part, line in found:
            latest[part] = max(latest[part], milliseconds(line.time_ns or 0))
            placed.append((latest[part], part))
        assert all(one <= other for one, other in pairwise(placed))


async def test_one_that_cannot_be_read_on_keeps_no_other_back() -> None:
    refusal = NotAllowedError("no")
    readers = [
        Reader(log("one", [1, 5]), error=refusal),
        Reader(log("two", [2, 9, 30])),
    ]
    merged = MergedLines(readers, live=False)
    found = await handed_out(merged)
    assert [line.message for _, line in found] == [
        "one 0",
        "two 0",
        "one 1",
        "two 1",
        "two 2",
    ]
    assert [part.error for part in merged.parts] == [refusal, None]


class StillClock:
    def __init__(self) -> None:
        self.at = 0.0

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.at, wall=lambda: NOW + self.at)


def test_a_line_waits_a_moment_for_a_job_that_has_just_told_something() -> None:
    time = StillClock()
    one, two = (JobPart(n, Reader([]), 0.0) for n in range(2))
    turns = Turns([one, two], time.clock, patient=False)
    two.put(log("two", [100]))
    one.put(log("one", [50]))
    assert [of.line.message for of in turns.take()] == ["one 0"]
    assert turns.take() == []  # it may still tell of an earlier moment
    one.put(log("one", [100, 101]))
    assert [of.part for of in turns.take()] == [0, 1]
    time.at = HOLD_SECONDS - 0.01
    assert turns.take() == []
    time.at = HOLD_SECONDS
    assert [of.line.message for of in turns.take()] == ["one 1"]


def test_longer_for_one_that_has_told_nothing_yet() -> None:
    time = StillClock()
    one, two = (JobPart(n, Reader([]), 0.0) for n in range(2))
    turns = Turns([one, two], time.clock, patient=False)
    two.put(log("two", [0]))
    time.at = BEHIND_SECONDS - 0.1
    assert turns.take() == []
    assert 0 < turns.wait() <= 0.2
    time.at = BEHIND_SECONDS
    assert [of.part for of in turns.take()] == [1]


def test_what_was_read_is_handed_out_when_reading_is_stopped() -> None:
    async def read() -> list[str]:
        merged = MergedLines([Reader([]), Reader([])], live=True)
        merged.parts[1].put(log("two", [7]))
        merged.parts[0].put(log("one", [9]))
        return [of.line.message for batch in merged.rest() for of in batch]

    assert asyncio.run(read()) == ["two 0", "one 0"]
