"""The connection always has a state, and comes back from everything."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from chronotui.demo.faults import Failure, Faults
from chronotui.demo.routes import Dialect
from chronotui.demo.scripts import Script, ScriptLine
from chronotui.demo.wire import HeldBackStream
from chronotui.engine.connection import Connection, ConnectionKind
from chronotui.engine.job_log import JobLog
from chronotui.engine.timing import Clock
from chronotui.errors import LogsUnavailableError, NotFoundError, NotSignedInError
from chronotui.model import Workflow, WorkflowKind
from tests.engine.conftest import (
    SETTINGS,
    TIMING,
    Readers,
    held_lines,
    true_lines,
    until,
)

if TYPE_CHECKING:
    from chronotui.demo.server import DemoServer
    from tests.conftest import MakeDemo


async def test_a_stream_is_live_then_quiet_then_live_again(
    demo: DemoServer, readers: Readers
) -> None:
    made = demo.world.add_job()
    log = await readers.log(demo, made)
    kinds: list[str] = []
    log.subscribe(lambda: kinds.append(log.state.connection.kind))
    assert log.state.connection.kind == "CONNECTING"
    async with readers.watching(log):
        await until(lambda: log.state.connection.kind == "LIVE")
        await until(lambda: "QUIET" in kinds)  # told, not only so
        assert log.state.connection.text(log.now() + 42).startswith("QUIET 42 s")
        made.write("awake")
        await until(lambda: log.state.connection.kind == "LIVE")
        made.end()
        await until(lambda: log.state.connection.kind == "ENDED")
        await until(lambda: log.state.verdict)
    assert set(kinds) == {"CONNECTING", "LIVE", "QUIET", "ENDED"} - (
        set() if "CONNECTING" in kinds else {"CONNECTING"}
    )


async def test_a_job_not_started_is_waited_for(
    demo: DemoServer, readers: Readers
) -> None:
    made = demo.world.add_job(Script(starts_in=None))
    log = await readers.log(demo, made)
    async with readers.watching(log):
        await until(lambda: log.state.connection.kind == "WAITING")
        assert log.state.connection.text(0.0) == "WAITING for the start"
        assert demo.requests.count("events") == 0
        made.start()
        made.write("first", "second")
        await until(lambda: log.state.lines == 2)
        assert log.state.missing == 0


async def test_a_server_that_restarts_is_reconnected_to(
    demo: DemoServer, readers: Readers
) -> None:
    made = demo.world.add_job()
    log = await readers.log(demo, made)
    async with readers.watching(log):
        await until(lambda: log.state.connection.kind == "LIVE")
        made.write("before")
        await until(lambda: log.state.lines == 1)
        demo.stop()
        await until(lambda: log.state.connection.kind in {"RECONNECTING", "OFFLINE"})
        made.write("meanwhile")
        await until(lambda: log.state.connection.kind == "OFFLINE")
        assert log.state.connection.reason
        await until(lambda: log.state.connection.tries >= 2)
        demo.start()
        await until(lambda: log.state.connection.kind in {"LIVE", "QUIET"})
        await until(lambda: log.state.lines == 2)
        made.end()
        await until(lambda: log.state.verdict)
    assert log.state.verdict is not None
    assert log.state.verdict.sealed
    assert held_lines(log) == true_lines(demo, made)


async def test_a_server_never_reached_is_offline(
    demo: DemoServer, readers: Readers
) -> None:
    made = demo.world.add_job()
    log = await readers.log(demo, made)
    demo.stop()
    async with readers.watching(log):
        await until(lambda: log.state.connection.kind == "OFFLINE")
        await until(lambda: "in " in log.state.connection.text(log.now()))
        demo.start()
        await until(lambda: log.state.connection.kind == "LIVE")


async def test_retry_after_is_honoured(make_demo: MakeDemo, readers: Readers) -> None:
    demo = make_demo()
    demo.faults.retry_after = "1"
    made = demo.world.add_job()
    log = await readers.log(demo, made)
    demo.faults.fail_next(Failure.WAIT_429, "events")
    async with readers.watching(log):
        await until(lambda: log.state.connection.kind == "RECONNECTING")
        await until(lambda: log.state.connection.kind == "LIVE")
    first, second = demo.requests.all("events")
    assert second.at - first.at >= 1.0


async def test_reconnecting_slows_down(make_demo: MakeDemo, readers: Readers) -> None:
    demo = make_demo(faults=Faults(retention_lag=(0, 0.01), cut_seconds=(0.0, 0.001)))
    made = demo.world.add_job()
    log = await readers.log(demo, made)
    async with readers.watching(log):
        await until(lambda: demo.requests.count("events") >= 7)
    at = [record.at for record in demo.requests.all("events")]
    assert at[-1] - at[-2] > 4 * TIMING.retry_first


async def test_a_half_open_stream_is_noticed_by_the_newest_page(
    make_demo: MakeDemo, readers: Readers
) -> None:
    demo = make_demo(
        faults=Faults(retention_lag=(0.0, 0.01), silent_seconds=(0.15, 0.15))
    )
    made = demo.world.add_job()
    log = await readers.log(demo, made)
    async with readers.watching(log):
        await until(lambda: log.state.connection.kind == "LIVE")
        await asyncio.sleep(0.2)
        place = 0
        while demo.requests.count("events") < 2:
            made.write(f"unheard {place}")
            place += 1
            await asyncio.sleep(0.02)
        await until(lambda: log.state.lines >= place)


async def test_waking_from_sleep_reconnects_at_once(
    demo: DemoServer, readers: Readers
) -> None:
    asleep = 0.0
    made = demo.world.add_job()
    client = await readers.client(demo)
    job = await client.job(made.workflow_id, made.id)
    loop = asyncio.get_running_loop()
    clock = Clock(wall=lambda: loop.time() + asleep)
    log = JobLog(client, None, job, settings=SETTINGS, clock=clock)
    async with readers.watching(log):
        await until(lambda: log.state.connection.kind == "LIVE")
        asleep = 3600.0
        await until(lambda: demo.requests.count("events") == 2)
        await until(lambda: log.state.connection.kind in {"LIVE", "QUIET"})
        await asyncio.sleep(3 * TIMING.sleep_probe)
        assert demo.requests.count("events") == 2


async def test_a_session_that_cannot_be_renewed_waits_for_a_sign_in(
    demo: DemoServer, readers: Readers
) -> None:
    made = demo.world.add_job()
    log = await readers.log(demo, made)
    async with readers.watching(log) as watching:
        await until(lambda: log.state.connection.kind == "LIVE")
        made.write("one")
        await until(lambda: log.state.lines == 1)
        demo.faults.fail_rate, demo.faults.fail_with = 1.0, (Failure.UNAUTHORIZED,)
        await until(lambda: log.state.connection.kind == "SIGN IN")
        assert log.state.connection.reason
        asked = demo.requests.count("job")
        await asyncio.sleep(4 * SETTINGS.poll_seconds)
        assert demo.requests.count("job") <= asked + 2
        demo.faults.fail_rate = 0.0
        made.write("two")
        log.signed_in()
        made.end()
        verdict = await watching
    assert verdict.sealed
    assert verdict.lines == 2


async def test_where_nobody_can_sign_in_the_watch_ends(
    demo: DemoServer, readers: Readers
) -> None:
    made = demo.world.add_job()
    log = await readers.log(demo, made, may_sign_in=False)
    demo.faults.fail_rate, demo.faults.fail_with = 1.0, (Failure.UNAUTHORIZED,)
    with pytest.raises(NotSignedInError):
        await log.watch()
    assert isinstance(log.state.problem, NotSignedInError)


async def test_a_job_that_is_not_there_is_said(
    demo: DemoServer, readers: Readers
) -> None:
    made = demo.world.add_job()
    client = await readers.client(demo)
    job = await client.job(made.workflow_id, made.id)
    gone = replace(job, id="0190d6a2-0000-7a55-b7d2-0f3c5a1b2c3d")
    log = JobLog(client, None, gone, settings=SETTINGS)
    async with readers.watching(log) as watching:
        await until(lambda: isinstance(log.state.problem, NotFoundError))
        assert not watching.done(), "said at once, and asked again slowly"
        with pytest.raises(NotFoundError):
            await watching
    assert isinstance(log.state.problem, NotFoundError)


async def test_one_404_of_a_proxy_ends_nothing(
    demo: DemoServer, readers: Readers
) -> None:
    made = demo.world.add_job()
    log = await readers.log(demo, made)
    async with readers.watching(log) as watching:
        await until(lambda: log.state.connection.kind == "LIVE")
        demo.faults.fail_next(Failure.NOT_FOUND, "job")
        demo.faults.fail_next(Failure.FORBIDDEN, "logs")
        made.write("one", ScriptLine("two", live=None, retained=0.1), "three")
        await until(lambda: log.state.lines == 3)
        made.end()
        assert (await watching).sealed


async def test_a_heartbeat_workflow_has_no_log(
    demo: DemoServer, readers: Readers
) -> None:
    made = demo.world.add_job()
    client = await readers.client(demo)
    job = await client.job(made.workflow_id, made.id)
    heartbeat = Workflow(made.workflow_id, "ping", WorkflowKind.HEARTBEAT)
    asked = demo.requests.count()
    log = JobLog(client, heartbeat, job, settings=SETTINGS)
    with pytest.raises(LogsUnavailableError):
        await log.watch()
    assert demo.requests.count() == asked


async def test_a_list_that_leads_in_circles_is_said_not_walked(
    make_demo: MakeDemo, readers: Readers
) -> None:
    demo = make_demo(faults=Faults(retention_lag=(0.0, 0.0), looping_cursors=True))
    made = demo.world.add_job(
        Script([f"line {n}" for n in range(450)], starts_in=-300, ends_after=0.0)
    )
    log = await readers.log(demo, made)
    verdict = await log.watch()
    assert not verdict.sealed
    assert "circles" in verdict.note
    assert not log.state.at_start
    assert demo.requests.count("logs") < 10


@pytest.mark.parametrize("dialect", Dialect)
async def test_empty_pages_with_cursors_are_walked(
    make_demo: MakeDemo, readers: Readers, dialect: Dialect
) -> None:
    demo = make_demo(
        dialect=dialect, faults=Faults(retention_lag=(0.0, 0.0), empty_pages=0.5)
    )
    made = demo.world.add_job(
        Script([f"line {n}" for n in range(950)], starts_in=-300, ends_after=0.0)
    )
    log = await readers.log(demo, made)
    assert (await log.watch()).sealed
    assert held_lines(log) == true_lines(demo, made)


async def test_leaving_and_coming_back_loses_nothing(
    demo: DemoServer, readers: Readers
) -> None:
    made = demo.world.add_job()
    log = await readers.log(demo, made)
    async with readers.watching(log):
        await until(lambda: log.state.connection.kind == "LIVE")
        made.write("one")
        await until(lambda: log.state.lines == 1)
    made.write(*(f"unseen {n}" for n in range(350)))
    async with readers.watching(log) as watching:
        await until(lambda: log.state.lines == 351)
        made.write("three")
        await until(lambda: log.state.lines == 352)
        made.end()
        assert (await watching).sealed
    assert held_lines(log) == true_lines(demo, made)


async def test_listeners_hear_of_changes_once_a_tick(
    demo: DemoServer, readers: Readers
) -> None:
    made = demo.world.add_job(
        Script([f"line {n}" for n in range(300)], rate=600, ends_after=0.1)
    )
    log = await readers.log(demo, made)
    heard: list[int] = []
    loop = asyncio.get_running_loop()
    end, began = log.subscribe(lambda: heard.append(1)), loop.time()
    await log.watch()
    end()
    # One more at its beginning, and one at its end whatever the tick.
    assert 0 < len(heard) <= (loop.time() - began) / TIMING.tick + 2
    assert log.state.lines == 300


HELD = "the stream is held back by something between, reading pages every 0 s"


async def test_a_stream_without_headers_is_named_and_pages_go_on(
    make_demo: MakeDemo, readers: Readers
) -> None:
    demo = make_demo(
        faults=Faults(
            retention_lag=(0.0, 0.01),
            held_back=HeldBackStream(headers=True, frames=0.0),
        )
    )
    made = demo.world.add_job(Script([f"line {n}" for n in range(3)]))
    log = await readers.log(demo, made)
    async with readers.watching(log) as watching:
        await until(lambda: log.state.connection.why(log.now()) == HELD)
        assert log.state.connection.kind == "CONNECTING"
        asked = demo.requests.count("events")
        for number in range(5):
            made.write(f"unheard {number}")
            await until(lambda: log.state.lines == 4 + number)  # noqa: B023
        assert demo.requests.count("events") == asked, (
            "what it holds is not thrown away"
        )
        made.end()
        assert (await watching).sealed
    assert held_lines(log) == true_lines(demo, made)


async def test_a_stream_in_lumps_is_named_and_pages_run_ahead(
    make_demo: MakeDemo, readers: Readers
) -> None:
    demo = make_demo(
        faults=Faults(
            retention_lag=(0.0, 0.01),
            held_back=HeldBackStream(headers=False, frames=0.2),
        )
    )
    made = demo.world.add_job()
    log = await readers.log(demo, made)
    written = 0

    def write_until_named() -> bool:
        nonlocal written
        made.write(f"line {written}")
        written += 1
        connection = log.state.connection
        return connection.kind in {"LIVE", "QUIET"} and connection.why(0.0) == HELD

    async with readers.watching(log) as watching:
        await until(write_until_named, 20.0)
        connections = demo.requests.count("events")
        count = log.state.lines
        made.write("soon")
        await until(lambda: log.state.lines > count)
        demo.faults.held_back = None
        made.end()
        assert (await watching).sealed
        assert demo.requests.count("events") == connections
    assert held_lines(log) == true_lines(demo, made)


async def test_a_wait_the_server_asks_for_is_shown_by_the_clock(
    make_demo: MakeDemo, readers: Readers
) -> None:
    demo = make_demo()
    made = demo.world.add_job()
    log = await readers.log(demo, made)
    demo.faults.refuse(503, route="events", retry_after=3)
    async with readers.watching(log):
        await until(lambda: log.state.connection.asked_until is not None)
        text = log.state.connection.text(log.now())
        assert re.fullmatch(
            r"RECONNECTING 1, at \d\d:\d\d:\d\d as the server asked", text
        )
        log.ask_now()
        await until(lambda: log.state.connection.kind == "LIVE")


def test_trouble_beside_a_live_stream_says_when_it_is_asked_again() -> None:
    live = Connection(
        ConnectionKind.LIVE,
        "The server does not have that (404).",
        next_try=107.0,
        is_troubled=True,
        subject="log 404",
    )
    assert live.text(100.0) == "LIVE"
    words = "log 404, again in 7 s: The server does not have that (404)."
    assert live.why(100.0) == words


async def test_coming_back_before_the_watch_has_left_is_live_again(
    demo: DemoServer, readers: Readers
) -> None:
    made = demo.world.add_job(Script([f"line {n}" for n in range(20)]))
    log = await readers.log(demo, made)
    async with readers.watching(log) as left:
        await until(lambda: log.state.connection.kind == "LIVE")
        connections = demo.requests.count("events")
        left.cancel()
        async with readers.watching(log) as again:
            await until(left.done)
            await until(lambda: demo.requests.count("events") > connections)
            await until(lambda: log.state.connection.kind == "LIVE")
            made.write("more")
            await until(lambda: log.state.lines == 21)
            made.end()
            assert (await again).sealed


async def test_an_attempt_that_only_the_stream_tells_of_is_read_before_sealing(
    make_demo: MakeDemo, readers: Readers
) -> None:
    """Its first lines are below the pages of a tail, and on older, cached ones."""
    demo = make_demo(faults=Faults(retention_lag=(0.0, 0.02)))
    first = [ScriptLine(f"first {n}", retained=0.0) for n in range(350)]
    made = demo.world.add_job(Script(first, starts_in=-300))
    made.retry()
    made.write(*(ScriptLine(f"second {n}", retained=0.0) for n in range(20)))
    log = await readers.log(demo, made, tail=100)
    async with readers.watching(log) as watching:
        await until(lambda: log.state.connection.kind in {"LIVE", "QUIET"})
        made.write(*(ScriptLine(f"second {n}") for n in range(20, 180)))
        made.end()
        verdict = await watching
    held = [line for line in held_lines(log) if line[0] == 2]
    assert held == [line for line in true_lines(demo, made) if line[0] == 2]
    assert verdict.sealed
    assert verdict.attempts == 2


async def test_the_end_comes_although_gaps_never_close(
    make_demo: MakeDemo, readers: Readers
) -> None:
    """More pages hold a lost line than are read within a gap's longest wait."""
    demo = make_demo(faults=Faults(retention_lag=(0.0, 0.0), latency=(0.03, 0.03)))
    lines = [
        ScriptLine(f"line {n}", live=None, retained=None if n % 100 == 50 else 0.0)
        for n in range(6000)
    ]
    made = demo.world.add_job(Script(lines, starts_in=-0.2))
    made.end()
    log = await readers.log(demo, made)
    verdict = await asyncio.wait_for(log.watch(), 20.0)
    assert (verdict.sealed, verdict.missing) == (False, 60)


async def test_a_huge_log_is_not_downloaded_for_a_line(
    make_demo: MakeDemo, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chronotui.engine.watch.MOST_CONFIRMED", 500)
    demo = make_demo(faults=Faults(retention_lag=(0.0, 0.0)))
    lines = [
        ScriptLine(f"line {n}", retained=None if n == 990 else 0.0) for n in range(1000)
    ]
    made = demo.world.add_job(Script(lines, starts_in=-300, ends_after=0.0))
    log = await readers.log(demo, made, tail=100)
    assert (await log.watch()).missing == 1
    assert demo.requests.count("raw") == 0
