"""What never comes is missing for ever; what can be healed heals, politely."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.faults import Faults
from chronotui.demo.routes import Dialect
from chronotui.demo.scripts import Script, ScriptLine
from chronotui.log.marks import GapState
from tests.engine.conftest import (
    SCALE,
    Readers,
    held_lines,
    printed_lines,
    true_lines,
    until,
)

if TYPE_CHECKING:
    from tests.conftest import MakeDemo

LOST = {"live": None, "retained": None}


def lines_with_losses(*lost: int, count: int = 30) -> list[ScriptLine]:
    return [
        ScriptLine(f"line {n}", **(LOST if n in lost else {}))  # type: ignore[arg-type]
        for n in range(count)
    ]


@pytest.mark.parametrize("dialect", Dialect)
async def test_a_line_never_retained_is_missing_for_ever_with_exit_6(
    make_demo: MakeDemo, readers: Readers, dialect: Dialect
) -> None:
    demo = make_demo(dialect=dialect)
    made = demo.world.add_job(
        Script(lines_with_losses(7, 8, 20), rate=100, ends_after=0.1)
    )
    log, follow = await readers.log(demo, made), await readers.follow(demo, made)
    verdict, printed = await asyncio.gather(log.watch(), printed_lines(follow))
    assert not verdict.sealed
    assert verdict.missing == 3
    assert log.state.missing == 3
    gaps = [mark.gap for mark in log.store.marks.all() if mark.gap]
    assert [(gap.count, gap.state) for gap in gaps] == [
        (2, GapState.LOST),
        (1, GapState.LOST),
    ]
    assert follow.missing == 3
    assert follow.result is not None
    assert follow.result.exit_code == 6
    assert "3 missing" in follow.summary()
    truth = [
        line
        for place, line in enumerate(true_lines(demo, made))
        if place not in {7, 8, 20}
    ]
    assert printed == held_lines(log) == truth


async def test_the_first_lines_count_too(make_demo: MakeDemo, readers: Readers) -> None:
    demo = make_demo()
    made = demo.world.add_job(Script(lines_with_losses(0, 1), ends_after=0.1))
    log = await readers.log(demo, made)
    verdict = await log.watch()
    assert verdict.missing == 2


async def test_a_hole_is_shown_while_it_lasts_and_heals(
    make_demo: MakeDemo, readers: Readers
) -> None:
    demo = make_demo()
    made = demo.world.add_job()
    log = await readers.log(demo, made)
    async with readers.watching(log):
        await until(lambda: log.state.connection.kind == "LIVE")
        made.write("one", ScriptLine("two", live=None, retained=0.4), "three")
        await until(lambda: log.state.missing == 1)
        await until(lambda: any(mark.gap for mark in log.store.marks.all()))
        assert log.state.fetching
        await until(lambda: log.state.lines == 3)
        await until(lambda: not any(mark.gap for mark in log.store.marks.all()))
        assert log.state.missing == 0


async def test_that_a_line_is_not_retained_yet_is_told_once_it_was_looked_for(
    make_demo: MakeDemo, readers: Readers
) -> None:
    demo = make_demo()
    made = demo.world.add_job()
    log = await readers.log(demo, made)
    async with readers.watching(log):
        await until(lambda: log.state.connection.kind == "LIVE")
        made.write("one", ScriptLine("two", live=None, retained=3.0), "three")
        await until(lambda: log.state.missing == 1 and log.state.awaited)
        await until(
            lambda: (
                [mark.gap.state for mark in log.store.marks.all() if mark.gap]
                == [GapState.AWAITED]
            )
        )
        await until(lambda: log.state.missing == 0)
        assert not log.state.awaited


async def test_a_job_that_fails_is_told_with_duration_and_attempts(
    make_demo: MakeDemo, readers: Readers
) -> None:
    demo = make_demo()
    made = demo.world.add_job(
        Script(
            [ScriptLine("a"), ScriptLine("b", attempt=2, after=0.3)],
            starts_in=-0.2,
            ends_after=0.2,
            outcome="FAILED",
        )
    )
    log = await readers.log(demo, made)
    verdict = await log.watch()
    assert (verdict.status, verdict.attempts) == ("FAILED", 2)
    assert verdict.seconds == pytest.approx(0.5, abs=0.01)
    trailers = [mark.text for mark in log.store.marks.all() if mark.kind == "trailer"]
    assert len(trailers) == 1
    assert "attempt 2 ended FAILED" in trailers[0]
    assert "2 attempts" in trailers[0]
    assert "sealed ✓ 2 lines, 0 missing" in trailers[0]
    assert log.state.connection.kind == "ENDED"
    assert "FAILED" in log.state.connection.reason


async def test_a_quiet_job_costs_few_requests(
    make_demo: MakeDemo, readers: Readers
) -> None:
    demo = make_demo()
    made = demo.world.add_job(Script(["hello"] * 5))
    follow = await readers.follow(demo, made)
    printing = asyncio.create_task(printed_lines(follow))
    await until(lambda: follow.printed == 5)
    await asyncio.sleep(10 * SCALE)
    before = demo.requests.count()
    await asyncio.sleep(60 * SCALE)
    asked = demo.requests.count() - before
    printing.cancel()
    await asyncio.wait([printing])
    assert asked <= 15


async def test_known_gaps_are_asked_for_at_a_bounded_rate(
    make_demo: MakeDemo, readers: Readers
) -> None:
    demo = make_demo(faults=Faults(retention_lag=(0.0, 0.01)))
    made = demo.world.add_job()
    log = await readers.log(demo, made)
    async with readers.watching(log):
        await until(lambda: log.state.connection.kind == "LIVE")
        before = demo.requests.count("logs")
        begin = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - begin < 60 * SCALE:
            made.write("kept", ScriptLine("gone", live=None, retained=None), "kept")
            await asyncio.sleep(0.01)
        asked = demo.requests.count("logs") - before
        minutes = (asyncio.get_running_loop().time() - begin) / (60 * SCALE)
    # How many there are at least, test_watch_clock.py shows by a clock of its own.
    assert 0 < asked <= 82 * minutes
