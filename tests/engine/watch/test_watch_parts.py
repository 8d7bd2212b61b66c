"""The small parts of a watch, each alone."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from chronotui.engine.connection import Connection, ConnectionKind
from chronotui.engine.ending import Verdict
from chronotui.engine.gaps import Boundaries, LagMeter
from chronotui.engine.job_log import LineRate
from chronotui.engine.timing import Clock, WatchTiming
from chronotui.engine.watch import accompanied
from chronotui.log.ledger import Ledger
from chronotui.model import JobStatus


def test_the_rate_is_of_the_last_seconds() -> None:
    now = 0.0
    rate = LineRate(Clock(monotonic=lambda: now))
    assert rate.next_change() is None
    for step in range(60):
        now = step * 0.05
        rate.add(10)
    now = 3.0
    assert rate.per_second() == pytest.approx(200)
    assert rate.next_change() is not None
    now = 10.0
    assert rate.per_second() == 0.0


async def test_companions_end_with_the_main_task() -> None:
    ended: list[str] = []

    async def beside() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("beside")

    async def lead() -> str:
        await asyncio.sleep(0)
        return "done"

    assert await accompanied(lead(), beside(), beside()) == "done"
    assert ended == ["beside", "beside"]


async def test_a_companion_that_fails_ends_the_main_task_with_its_error() -> None:
    async def beside() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await accompanied(asyncio.Event().wait(), beside())


async def test_cancelling_ends_everything() -> None:
    task = asyncio.create_task(accompanied(asyncio.Event().wait(), asyncio.sleep(3600)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(asyncio.all_tasks()) == 1


def test_scaling_keeps_counts_and_turns_rates_round() -> None:
    timing = WatchTiming().scaled(0.5)
    assert timing.line_wait == 37.5
    assert timing.backfill_rate == 2.0
    assert timing.backfill_burst == WatchTiming().backfill_burst
    assert timing.tick == WatchTiming().tick


@pytest.mark.parametrize(
    ("connection", "text"),
    [
        (Connection(ConnectionKind.LIVE), "LIVE"),
        (Connection(ConnectionKind.QUIET, since=58.0), "QUIET 42 s"),
        (
            Connection(ConnectionKind.RECONNECTING, tries=3, next_try=104.0),
            "RECONNECTING 3, in 4 s",
        ),
        (Connection(ConnectionKind.RECONNECTING, tries=3), "RECONNECTING 3"),
        (Connection(ConnectionKind.OFFLINE, next_try=100.2), "OFFLINE, in 1 s"),
        (Connection(ConnectionKind.OFFLINE, next_try=90.0), "OFFLINE, asking now"),
        (
            Connection(ConnectionKind.OFFLINE, next_try=90.0, asked_until=1.0),
            "OFFLINE, asking now",
        ),
        (Connection(ConnectionKind.WAITING), "WAITING for the start"),
        (Connection(ConnectionKind.SIGN_IN), "SIGN IN"),
    ],
)
def test_a_connection_in_words(connection: Connection, text: str) -> None:
    assert connection.text(100.0) == text


def test_a_verdict_in_words() -> None:
    whole = Verdict(True, 48_211, 0, 1, JobStatus.COMPLETED)
    assert whole.sentence() == "sealed ✓ 48,211 lines, 0 missing"
    part = Verdict(True, 200, 0, 1, JobStatus.COMPLETED, part=True)
    assert part.sentence() == "sealed ✓ newest 200 lines, 0 missing"
    split = replace(part, split=True)
    assert split.sentence() == "sealed ✓ first and newest 200 lines, 0 missing"
    short = Verdict(False, 1, 3, 1, JobStatus.FAILED, note="why")
    assert short.sentence() == "not whole: 1 line, 3 missing (why)"
    both = Verdict(False, 9, 3, 1, JobStatus.FAILED, possible=2)
    assert both.sentence() == "not whole: 9 lines, 3 missing, 2 possibly missing"
    perhaps = replace(both, missing=0)
    assert perhaps.sentence() == "not whole: 9 lines, 2 possibly missing"


class Attempts:
    """Two attempts, the second one just seen."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.lag = LagMeter(grain=0.0)
        self.boundaries = Boundaries(self.ledger, self.lag, still=3.0)
        for place in [(1, 0), (1, 1), (2, 0)]:
            self.ledger.add(*place, has_id=True)
        assert [gap[:2] for gap in self.boundaries.gaps(0.0)] == [(1, 2)]

    def read(self, now: float, newest: int = 2) -> bool:
        self.boundaries.read((1, 0), (1 << 30, 0), now, newest)
        return self.boundaries.closed(1)


def test_the_end_of_an_attempt_is_certain_after_it_stood_still() -> None:
    attempts = Attempts()
    assert not attempts.read(2.9)
    assert attempts.read(3.0)


def test_a_line_of_the_attempt_begins_the_wait_again() -> None:
    attempts = Attempts()
    attempts.ledger.add(1, 2)
    assert not attempts.read(2.0)
    assert not attempts.read(4.9)
    assert attempts.read(5.0)


def test_the_next_attempt_must_be_retained_too() -> None:
    attempts = Attempts()
    assert not attempts.read(9.0, newest=1)
    assert attempts.read(9.0)


class Interleaved(Attempts):
    """Two attempts whose numbers interleave: the second one's are far below."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.ledger.interleaved = True
        self.lag = LagMeter(grain=0.0)
        self.boundaries = Boundaries(self.ledger, self.lag, still=3.0)
        for place in [(1, 0), (1, 900), (2, 0), (2, 40)]:
            self.ledger.add(*place, has_id=True)
        assert self.open(0.0) == [(1, 901), (2, 41)]

    def open(self, now: float) -> list[tuple[int, int]]:
        return [gap[:2] for gap in self.boundaries.gaps(now)]


def test_where_attempts_interleave_the_last_end_is_read_too() -> None:
    attempts = Interleaved()
    attempts.boundaries.read((1, 850), (1, 1 << 62), 3.0, 2)
    assert attempts.open(3.0) == [(2, 41)]
    attempts.boundaries.read((1, 20), (1, 120), 3.0, 2)
    assert attempts.open(3.0) == []
    attempts.ledger.add(2, 41)
    assert attempts.open(4.0) == [(2, 42)], "the attempt goes on"
    attempts.boundaries.read((1, 20), (1, 120), 7.0, 2)
    assert attempts.open(7.0) == []


def test_a_page_of_other_numbers_tells_nothing_of_an_end() -> None:
    attempts = Interleaved()
    attempts.boundaries.read((1, 41), (1, 900), 9.0, 2)
    attempts.boundaries.read((1, 850), (1, 901), 9.0, 2)
    assert attempts.open(9.0) == [(1, 901), (2, 41)]
    attempts.boundaries.read((1, 850), (1, 1 << 62), 9.0, 1)
    assert not attempts.boundaries.closed(1), "no line of attempt 2 is retained yet"


def test_a_lagging_log_takes_longer() -> None:
    attempts = Attempts()
    attempts.lag.live(0.0, (2, 0))
    attempts.lag.retained(5.0, (1, 1))
    attempts.lag.retained(6.0, (2, 0))
    assert not attempts.read(9.9)
    assert attempts.read(10.0)
