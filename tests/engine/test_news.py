"""What is new in a job's log: which run it is compared with, and reading in pieces."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from chronotui.demo.scripts import Script, ScriptLine
from chronotui.engine.news import NO_GOOD_LOG, NO_GOOD_RUN, JobNews
from chronotui.log.differences import Change
from tests.engine.conftest import Readers, until

if TYPE_CHECKING:
    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer
    from tests.conftest import MakeDemo


def add(
    demo: DemoServer, *said: str, begins: float, fails: bool = False
) -> ScriptedJob:
    lines = [ScriptLine(each, retained=0.0) for each in said]
    outcome = "FAILED" if fails else "COMPLETED"
    script = Script(lines, starts_in=begins, rate=500, ends_after=1, outcome=outcome)
    return demo.world.add_job(script)


async def news_of(readers: Readers, demo: DemoServer, made: ScriptedJob) -> JobNews:
    client = await readers.client(demo)
    return JobNews(client, None, await client.job(made.workflow_id, made.id))


async def test_the_newest_good_run_that_has_a_log_is_compared_with(
    make_demo: MakeDemo, readers: Readers
) -> None:
    demo = make_demo()
    add(demo, "a 1", "b", begins=-9000)
    good = add(demo, "a 1", "c", begins=-8000)
    add(demo, begins=-7000)
    failed = add(demo, "a 2", "ERROR no disk", begins=-6000, fails=True)
    add(demo, "a 1", "b", begins=-5000)
    news = await news_of(readers, demo, failed)
    told: list[str] = []
    await news.compare(lambda: told.append(news.state.doing))
    state = news.state
    assert state.good is not None
    assert state.good.id == good.id
    assert [(each.change, each.line.message) for each in state.found or ()] == [
        (Change.NEW, "ERROR no disk"),
        (Change.GONE, "c"),
    ]
    assert (state.lines, state.lines_before, state.doing) == (2, 2, "")
    assert told[0] == "looking for the last good run"
    assert told[-2] == "comparing"


async def test_it_says_why_nothing_can_be_compared(
    make_demo: MakeDemo, readers: Readers
) -> None:
    demo = make_demo()
    alone = add(demo, "a 1", begins=-9000, fails=True)
    news = await news_of(readers, demo, alone)
    await news.compare(lambda: None)
    assert news.state.problem == NO_GOOD_RUN
    add(demo, begins=-8000)
    failed = add(demo, "a 1", begins=-7000, fails=True)
    news = await news_of(readers, demo, failed)
    await news.compare(lambda: None)
    assert news.state.problem == NO_GOOD_LOG
    assert news.state.found is None


async def test_it_can_be_stopped_and_keeps_the_good_run_it_has_read(
    make_demo: MakeDemo, readers: Readers
) -> None:
    demo = make_demo()
    add(demo, *(f"a {n}" for n in range(3000)), begins=-9000)
    failed = add(demo, *(f"a {n}" for n in range(3000)), "no", begins=-6000, fails=True)
    news = await news_of(readers, demo, failed)
    task = asyncio.create_task(news.compare(lambda: None))
    await until(lambda: news.state.lines)
    task.cancel()
    await asyncio.wait([task])
    assert (news.state.doing, news.state.found) == ("", None)
    assert news.state.known is not None
    before = news.state.known
    await news.compare(lambda: None)
    assert news.state.known is before
    assert [each.line.message for each in news.state.found or ()] == ["no"]


async def test_a_server_that_fails_is_said_and_what_was_found_stays(
    make_demo: MakeDemo, readers: Readers
) -> None:
    demo = make_demo()
    add(demo, "a 1", begins=-9000)
    failed = add(demo, "a 2", "b", begins=-6000, fails=True)
    news = await news_of(readers, demo, failed)
    await news.compare(lambda: None)
    demo.faults.refuse(403, times=-1)
    await news.compare(lambda: None)
    assert news.state.problem
    assert [each.line.message for each in news.state.found or ()] == ["b"]


async def test_an_open_log_that_goes_on_is_read_line_by_line_once(
    make_demo: MakeDemo, readers: Readers
) -> None:
    demo = make_demo()
    add(demo, "a 1", begins=-9000)
    said = [ScriptLine(f"b {n}", retained=0.0) for n in range(6000)]
    made = demo.world.add_job(Script(said, rate=3000, ends_after=60))
    log = await readers.log(demo, made)
    async with readers.watching(log):
        await until(lambda: log.state.lines > 1500)
        client = await readers.client(demo)
        news = JobNews(client, None, log.state.job, held=lambda: log)
        began = log.state.lines
        await news.compare(lambda: None)
        (new,) = (each for each in news.state.found or () if each.change is Change.NEW)
        assert began <= new.lines == news.state.lines <= log.state.lines
        assert new.line.message == "b 0"
        await until(lambda: log.state.lines == 6000)
        await news.compare(lambda: None)
        assert news.state.lines == 6000
