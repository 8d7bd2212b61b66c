"""``logs --follow``: in order, once, from where it was asked, and the right exit."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.faults import Faults
from chronotui.demo.routes import Dialect
from chronotui.demo.scripts import Script, ScriptLine
from chronotui.engine import follow as follow_module
from chronotui.engine.connection import Connection, ConnectionKind
from chronotui.engine.follow import ConnectionNotices, LineNotices
from chronotui.engine.reorder_buffer import Blocked
from chronotui.engine.retained import LineSelection
from chronotui.model import STDERR, LogLine
from tests.engine.conftest import (
    TIMING,
    Readers,
    printed_lines,
    true_lines,
    until,
)

if TYPE_CHECKING:
    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer
    from chronotui.engine.follow import Follow
    from tests.conftest import MakeDemo


def half_past(demo: DemoServer, *, lines: int = 250) -> ScriptedJob:
    """A job that wrote some lines long ago and still runs."""
    return demo.world.add_job(
        Script(
            [
                ScriptLine(f"old {n}", STDERR if n % 3 == 0 else "stdout", retained=0.0)
                for n in range(lines)
            ],
            starts_in=-300,
        )
    )


async def messages(follow: Follow) -> list[str]:
    return [line[3] for line in await printed_lines(follow)]


async def printing(follow: Follow, printed: list[str]) -> None:
    async for batch in follow.batches():
        printed += [line.message for line in batch]


@pytest.mark.parametrize("dialect", Dialect)
async def test_it_prints_from_the_first_line_to_the_end(
    make_demo: MakeDemo, readers: Readers, dialect: Dialect
) -> None:
    demo = make_demo(dialect=dialect)
    made = half_past(demo)
    follow = await readers.follow(demo, made)
    printed: list[str] = []
    task = asyncio.create_task(printing(follow, printed))
    await until(lambda: len(printed) >= 249)
    made.write("new")
    await until(lambda: "new" in printed)
    made.end()
    await task
    assert printed == [line[3] for line in true_lines(demo, made)]
    assert follow.result is not None
    assert follow.result.exit_code == 0
    assert follow.summary().startswith("251 lines printed, 0 missing; the job ended")


@pytest.mark.parametrize("dialect", Dialect)
async def test_tail_counts_the_lines_that_are_printed(
    make_demo: MakeDemo, readers: Readers, dialect: Dialect
) -> None:
    demo = make_demo(dialect=dialect)
    made = half_past(demo)
    selection = LineSelection(stream=STDERR, tail=5)
    follow = await readers.follow(demo, made, selection=selection)
    printed: list[str] = []
    task = asyncio.create_task(printing(follow, printed))
    await until(lambda: len(printed) >= 5)
    made.write("not this", ScriptLine("but this", STDERR))
    made.end("FAILED")
    await task
    assert printed == [f"old {n}" for n in (237, 240, 243, 246, 249)] + ["but this"]
    assert follow.result is not None
    assert follow.result.exit_code == 1
    assert follow.result.missing == 0


async def test_tail_reads_no_more_than_it_needs(
    demo: DemoServer, readers: Readers
) -> None:
    made = half_past(demo, lines=2000)
    follow = await readers.follow(demo, made, selection=LineSelection(tail=5))
    printed: list[str] = []
    task = asyncio.create_task(printing(follow, printed))
    await until(lambda: len(printed) >= 4)
    made.end()
    await task
    assert printed == [f"old {n}" for n in range(1995, 2000)]
    assert all(not record.query.get("cursor") for record in demo.requests.all("logs"))


async def test_tail_zero_prints_only_what_comes(
    demo: DemoServer, readers: Readers
) -> None:
    made = half_past(demo)
    follow = await readers.follow(demo, made, selection=LineSelection(tail=0))
    printed: list[str] = []
    task = asyncio.create_task(printing(follow, printed))
    await until(lambda: demo.requests.count("logs") >= 2)
    made.write("only this")
    made.end()
    await task
    assert printed == ["only this"]


@pytest.mark.parametrize("dialect", Dialect)
async def test_since_leaves_out_what_was_before(
    make_demo: MakeDemo, readers: Readers, dialect: Dialect
) -> None:
    demo = make_demo(dialect=dialect)
    made = half_past(demo)
    since = LineSelection(since_ns=time.time_ns() - 10**9)
    follow = await readers.follow(demo, made, selection=since)
    printed: list[str] = []
    task = asyncio.create_task(printing(follow, printed))
    await until(lambda: demo.requests.count("logs") >= 2)
    made.write("recent")
    made.end()
    await task
    assert printed == ["recent"]
    assert follow.missing == 0


async def test_attempt_and_grep_choose_among_the_lines(
    demo: DemoServer, readers: Readers
) -> None:
    made = demo.world.add_job(
        Script(
            [
                *(ScriptLine(f"a{n}", attempt=1) for n in range(4)),
                *(ScriptLine(f"b{n}", attempt=2, after=0.1) for n in range(4)),
            ],
            ends_after=0.1,
        )
    )
    selection = LineSelection(attempt=2, grep=lambda message: message != "b1")
    follow = await readers.follow(demo, made, selection=selection)
    assert await messages(follow) == ["b0", "b2", "b3"]
    assert follow.missing == 0


async def test_shared_numbers_come_out_stderr_first(
    demo: DemoServer, readers: Readers
) -> None:
    made = demo.world.add_job()
    follow = await readers.follow(demo, made)
    printed: list[str] = []
    task = asyncio.create_task(printing(follow, printed))
    await until(lambda: demo.requests.count("events"))
    made.write(
        "first", ScriptLine("out"), ScriptLine("err", STDERR, with_previous=True)
    )
    made.write("last")
    made.end()
    await task
    assert printed == ["first", "err", "out", "last"]


async def test_a_missing_line_is_waited_for_said_and_given_up(
    demo: DemoServer, readers: Readers
) -> None:
    made = demo.world.add_job()
    follow = await readers.follow(demo, made)
    printed: list[str] = []
    task = asyncio.create_task(printing(follow, printed))
    await until(lambda: demo.requests.count("events"))
    loop = asyncio.get_running_loop()
    began = loop.time()
    made.write("one", ScriptLine("gone", live=None, retained=None), "three")
    await until(lambda: printed == ["one"])
    assert follow.missing == 1
    await until(lambda: "three" in printed)
    assert loop.time() - began > TIMING.line_wait - 0.1
    made.end()
    await task
    assert [words for words in readers.said if "number 1" in words] == [
        "1 line not received yet (number 1); waiting up to 2 s.",
        "1 line did not come, going on without: number 1.",
    ]
    assert follow.missing == 1
    assert follow.result is not None
    assert follow.result.exit_code == 6
    assert "2 lines printed, 1 missing" in follow.summary()


async def test_a_line_that_comes_too_late_is_named_and_not_printed(
    demo: DemoServer, readers: Readers
) -> None:
    made = demo.world.add_job()
    follow = await readers.follow(demo, made)
    printed: list[str] = []
    task = asyncio.create_task(printing(follow, printed))
    await until(lambda: demo.requests.count("events"))
    late = TIMING.line_wait + 0.3
    made.write("one", ScriptLine("late", live=late, retained=None), "three")
    await until(lambda: "three" in printed)
    await until(lambda: any("too late" in words for words in readers.said))
    made.end()
    await task
    assert printed == ["one", "three"]
    assert "1 line came too late to be printed in order: number 1." in readers.said
    assert follow.result is not None
    assert follow.result.exit_code == 6


async def test_many_missing_lines_are_not_waited_for_one_after_the_other(
    demo: DemoServer, readers: Readers
) -> None:
    made = demo.world.add_job()
    follow = await readers.follow(demo, made)
    printed: list[str] = []
    task = asyncio.create_task(printing(follow, printed))
    await until(lambda: demo.requests.count("events"))
    for n in range(20):
        made.write(f"kept {n}", ScriptLine("gone", live=None, retained=None))
    made.write("last")
    await until(lambda: "last" in printed)
    task.cancel()
    await asyncio.wait([task])
    assert len(printed) == 21
    assert follow.missing == 20


async def test_waiting_for_the_start_is_said(
    demo: DemoServer, readers: Readers
) -> None:
    made = demo.world.add_job(Script(starts_in=None))
    follow = await readers.follow(demo, made)
    task = asyncio.create_task(messages(follow))
    await until(lambda: readers.said)
    assert readers.said[0].startswith("waiting for the start")
    made.start()
    made.write("hello")
    made.end()
    assert await task == ["hello"]


async def test_a_job_without_output_ends_sealed(
    demo: DemoServer, readers: Readers
) -> None:
    made = demo.world.add_job(Script(ends_after=0.1))
    follow = await readers.follow(demo, made)
    assert await messages(follow) == []
    assert follow.result is not None
    assert follow.result.exit_code == 0


async def test_stopping_says_what_is_missing_by_now(
    demo: DemoServer, readers: Readers
) -> None:
    made = demo.world.add_job()
    follow = await readers.follow(demo, made)
    printed: list[str] = []
    task = asyncio.create_task(printing(follow, printed))
    await until(lambda: demo.requests.count("events"))
    made.write("one", ScriptLine("gone", live=None, retained=None), "three")
    await until(lambda: follow.missing == 1)
    task.cancel()
    await asyncio.wait([task])
    assert follow.summary() == "1 line printed, 1 missing; the job goes on."
    assert follow.result is None


async def test_memory_is_let_go_of_while_the_job_goes_on(
    make_demo: MakeDemo, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_module, "FORGET_LINES", 500)
    monkeypatch.setattr(follow_module, "KEPT_LINES", 200)
    demo = make_demo(faults=Faults(seed=4, retention_lag=(0.0, 0.05), live_dropped=0.1))
    made = demo.world.add_job(
        Script([f"line {n}" for n in range(4000)], rate=4000, ends_after=0.2)
    )
    follow = await readers.follow(demo, made)
    largest, printed = 0, []
    async for batch in follow.batches():
        printed += [line.message for line in batch]
        largest = max(largest, len(follow._watch.intake.store))
    assert printed == [f"line {n}" for n in range(4000)]
    assert largest < 4000
    assert follow.result is not None
    assert follow.result.exit_code == 0
    assert follow.result.verdict.lines == 4000


async def test_older_lines_of_a_tail_are_not_late(
    make_demo: MakeDemo, readers: Readers
) -> None:
    """Pages around a dropped line hold lines from before what was asked for."""
    demo = make_demo(faults=Faults(retention_lag=(0.0, 0.02)))
    made = demo.world.add_job(
        Script([ScriptLine(f"old {n}", retained=0.0) for n in range(1000)])
    )
    follow = await readers.follow(demo, made, selection=LineSelection(tail=5))
    reading = asyncio.create_task(printed_lines(follow))
    await until(lambda: follow.printed >= 4)
    await until(lambda: demo.requests.count("events"))
    made.write(
        *(ScriptLine(f"a {n}", retained=0.0) for n in range(20)),
        ScriptLine("dropped", live=None, retained=0.0),
        *(ScriptLine(f"b {n}", retained=0.0) for n in range(60)),
    )
    await until(lambda: follow.printed == 86)
    made.end()
    assert [line[3] for line in await reading][:5] == [
        f"old {n}" for n in range(995, 1000)
    ]
    assert follow.result is not None
    assert follow.result.missing == 0
    assert follow.result.exit_code == 0
    assert not readers.said[1:], readers.said


async def test_lines_let_go_of_are_not_missing_once_the_job_is_retried(
    make_demo: MakeDemo, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a server that tells no attempts they are inferred of the lines held."""
    monkeypatch.setattr(follow_module, "FORGET_LINES", 500)
    monkeypatch.setattr(follow_module, "KEPT_LINES", 200)
    demo = make_demo(dialect=Dialect.DOCUMENTED, faults=Faults(retention_lag=(0, 0.05)))
    made = half_past(demo, lines=900)
    follow = await readers.follow(demo, made)
    printed: list[str] = []
    task = asyncio.create_task(printing(follow, printed))
    await until(lambda: len(printed) >= 899)
    await until(lambda: demo.requests.count("events"))
    made.retry()
    for part in range(10):
        made.write(*[f"new {n}" for n in range(30 * part, 30 * part + 30)])
        await until(partial(printed.__contains__, f"new {30 * part}"))
    made.end()
    await task
    assert printed == [line[3] for line in true_lines(demo, made)]
    assert follow.result is not None
    assert follow.result.exit_code == 0
    assert not any("too late" in words for words in readers.said)
    assert "2 attempts" in follow.summary()


def test_an_outage_is_said_once_when_it_lasts_and_once_when_it_is_over() -> None:
    said: list[str] = []
    notices = ConnectionNotices(said.append, patience=5.0)
    down = Connection(ConnectionKind.RECONNECTING, "cut \x1b[2J.", tries=1)
    live = Connection(ConnectionKind.LIVE)
    for now in (0.0, 3.0):
        notices.update(down, now)
    notices.update(live, 4.0)
    assert said == []
    for now in (10.0, 15.0, 20.0):
        notices.update(down, now)
    notices.update(live, 21.0)
    assert len(said) == 2
    assert "\x1b" not in said[0]
    assert said[1].startswith("connected again")


def test_many_notices_are_few_sentences() -> None:
    said: list[str] = []
    notices = LineNotices(said.append, apart=5.0, patience=75.0)
    notices.waiting(Blocked(1, 17, 19, 3, 0.0), 10.0)
    notices.waiting(Blocked(1, 17, 19, 3, 0.0), 20.0)
    assert said == ["3 lines not received yet (number 17 to 19); waiting up to 75 s."]
    for number in range(100, 200):
        notices.gave_up(Blocked(1, number, number, 1, 0.0))
        notices.flush(11.0)
    notices.late([LogLine(2, 5, "stdout", None, "x")])
    notices.flush(16.0)
    assert said[1:] == [
        "100 lines did not come, going on without: number 100 to 199.",
        "1 line came too late to be printed in order: number 5 of attempt 2.",
    ]
    notices.flush(99.0)
    assert len(said) == 3
