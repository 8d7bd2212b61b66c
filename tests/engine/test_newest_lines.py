"""The newest lines of many jobs, proven by what the server was asked."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from chronotui.engine.fleet import Fleet, FleetSettings
from chronotui.engine.newest_lines import MOST, JobTail, NewestLines
from chronotui.engine.timing import Clock
from chronotui.model import (
    Connected,
    Job,
    JobStatus,
    LiveLines,
    LogLine,
    LogPage,
)
from tests.engine.conftest import TIMING, until
from tests.engine.scripted_fleet import NOW, ScriptedFleet, job_of
from tests.engine.skipped_time import run_skipping
from tests.exactness import client_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from chronotui.demo.server import DemoServer
    from chronotui.model import LiveEvent
    from chronotui.sources.protocol import Source
    from tests.conftest import MakeDemo

MINUTE = 2.0
"""Seconds of a minute here."""

FAST = FleetSettings(requests_per_minute=24, poll_seconds=0.1, minute=MINUTE)


@asynccontextmanager
async def listening(
    demo: DemoServer, settings: FleetSettings = FAST
) -> AsyncIterator[tuple[NewestLines, Fleet]]:
    client = client_of(demo)
    fleet = Fleet(client, settings=settings)
    lines = NewestLines(client, fleet, timing=TIMING)
    task = asyncio.create_task(fleet.run())
    try:
        await until(lambda: fleet.progress[1] is not None and not fleet.is_sweeping)
        yield lines, fleet
    finally:
        await lines.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.aclose()


async def scripted(demo: DemoServer, count: int) -> list[Job]:
    """Return jobs that run and say nothing until told."""
    client = client_of(demo)
    made = [demo.world.add_job() for _ in range(count)]
    try:
        return [await client.job(one.workflow_id, one.id) for one in made]
    finally:
        await client.aclose()


async def test_the_server_sees_a_dozen_streams_and_no_more_than_the_budget(
    make_demo: MakeDemo,
) -> None:
    demo = make_demo(fleet=20)
    jobs = await scripted(demo, 30)
    async with listening(demo) as (lines, _fleet):
        opened = len(demo.requests.all())
        lines.want(jobs[:20])
        await until(lambda: demo.requests.streams == MOST)
        assert [job.id for job in jobs if lines.is_listening(job.id)] == [
            job.id for job in jobs[:MOST]
        ]
        lines.want(jobs[18:])  # scrolled on
        await until(
            lambda: all(lines.of(job.id).is_live for job in jobs[18:])  # type: ignore[union-attr]
        )
        assert demo.requests.streams == MOST
        lines.want(())
        await until(lambda: not demo.requests.streams)
        times = [record.at for record in demo.requests.all()[opened:]]
    assert demo.requests.most_streams == MOST
    windows = [sum(at - MINUTE < each <= at for each in times) for at in times]
    # Some that were held up on their way may arrive in the next ones' time.
    assert max(windows) <= FAST.requests_per_minute + 1


async def test_a_line_is_told_as_it_arrives_and_what_was_before_is_read(
    make_demo: MakeDemo,
) -> None:
    demo = make_demo(plans=())
    script = demo.world.add_job()
    script.write("the first", "the second")
    client = client_of(demo)
    job = await client.job(script.workflow_id, script.id)
    await client.aclose()
    told: list[LogLine] = []
    async with listening(demo) as (lines, _fleet):
        lines.lines_arrived(lambda _job, some: told.extend(some))
        lines.want([job])
        await until(lambda: lines.newest(job, None).message == "the second")
        assert lines.newest(job, None).lines is not None
        await until(lambda: demo.requests.streams)
        (written,) = script.write("the third")
        await until(lambda: lines.newest(job, None).message == "the third")
        newest = lines.newest(job, None)
        assert newest.lines == written.sequence_num
        assert not newest.is_stderr
        assert {line.message for line in told} == {
            "the first",
            "the second",
            "the third",
        }
        demo.drop_connections()
        await until(lambda: not lines.newest(job, None).is_live)
        await until(lambda: lines.newest(job, None).is_live)
        script.write("after the break")
        await until(lambda: lines.newest(job, None).message == "after the break")


async def test_a_job_without_a_log_is_said_and_asked_no_more(
    make_demo: MakeDemo,
) -> None:
    demo = make_demo()
    vault = demo.world.named("vault-rotate")
    script = demo.world.add_job(workflow=vault)
    client = client_of(demo)
    job = await client.job(vault.id, script.id)
    await client.aclose()
    async with listening(demo) as (lines, _fleet):
        lines.want([job])
        await until(lambda: "no log" in lines.newest(job, None).trouble)
        asked = demo.requests.count("events")
        await asyncio.sleep(MINUTE / 4)
        assert demo.requests.count("events") <= asked + 1


async def test_a_job_of_the_demo_that_fell_silent_is_stalled(
    make_demo: MakeDemo,
) -> None:
    demo = make_demo(fleet=20)
    async with listening(demo) as (lines, fleet):
        workflow_id = demo.world.named("mail-dispatch").id
        (job,) = (one for one in fleet.jobs(workflow_id) if not one.has_ended)
        usual = fleet.usual_seconds(workflow_id)
        lines.want([job])
        await until(lambda: lines.stall_of(job, usual) is not None)
        stalled = lines.newest(job, usual).stalled
        assert stalled is not None
        assert stalled.silence > 60


# On a clock that skips.


@dataclass
class ScriptedLines(ScriptedFleet):
    """Lists as a fleet does, and gives one stream whose events the test decides."""

    retained: list[LogLine] = field(default_factory=list)
    events: asyncio.Queue[LiveEvent] = field(default_factory=asyncio.Queue)
    pages: int = 0
    clock_skew: float | None = 0.0

    @asynccontextmanager
    async def live(
        self, _workflow_id: str, _job_id: str
    ) -> AsyncIterator[AsyncIterator[tuple[LiveEvent, ...]]]:
        async def batches() -> AsyncIterator[tuple[LiveEvent, ...]]:
            yield (Connected(),)
            while True:
                yield (await self.events.get(),)

        yield batches()

    async def log_page(
        self,
        _workflow_id: str,
        _job_id: str,
        *,
        cursor: str | None = None,
        fresh: bool = False,
    ) -> LogPage:
        assert fresh
        assert cursor is None
        self.pages += 1
        return LogPage(tuple(reversed(self.retained[-100:])))


def skipping_clock() -> Clock:
    loop = asyncio.get_running_loop()
    return Clock(wall=lambda: NOW.timestamp() + loop.time(), chance=lambda: 0.5)


def line_at(number: int, seconds: float, *, retained: bool = True) -> LogLine:
    at = int((NOW.timestamp() + seconds) * 1e9)
    return LogLine(1, number, "stdout", at, f"line {number}", f"e{number}", retained)


async def _silent_but_for_the_retained_log() -> None:
    client, clock = ScriptedLines(), skipping_clock()
    job = replace(
        job_of("w", 1, JobStatus.RUNNING), started_at=NOW - timedelta(minutes=5)
    )
    # A line each 2 s up to now, 10 s of which were read before.
    client.retained = [line_at(number, 2.0 * number - 60) for number in range(31)]
    fleet = Fleet(cast("Source", client), clock=clock)
    running = asyncio.create_task(fleet.run())
    lines = NewestLines(cast("Source", client), fleet, clock=clock)
    lines.want([job])
    await asyncio.sleep(30)
    assert lines.newest(job, None).message == "line 30"
    assert lines.stall_of(job, None) is None
    # The stream drops all that follows; the retained log has it.
    pages = client.pages
    client.retained += [line_at(number, 2.0 * number - 60) for number in range(31, 131)]
    await asyncio.sleep(110)
    assert lines.stall_of(job, None) is None, "not before the log was read"
    await asyncio.sleep(10)
    assert client.pages > pages
    assert lines.newest(job, None).message == "line 130"
    assert lines.stall_of(job, None) is None
    # Now nothing is written any more.
    await asyncio.sleep(240)
    lines.stall_of(job, None)
    await asyncio.sleep(10)
    stall = lines.stall_of(job, None)
    assert stall is not None
    assert stall.words().startswith("nothing for 3:")
    assert stall.words().endswith("usually every 2 s")
    # It goes on.
    await client.events.put(LiveLines((line_at(131, 999, retained=False),)))
    await asyncio.sleep(1)
    assert lines.stall_of(job, None) is None
    await lines.close()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_no_job_is_called_stalled_because_its_stream_drops_lines() -> None:
    run_skipping(_silent_but_for_the_retained_log())


async def _periodic() -> None:
    clock = skipping_clock()
    tail = JobTail(job_of("w", 1, JobStatus.RUNNING), clock)
    tail.page_read([line_at(number, -3600.0 * (20 - number)) for number in range(20)])
    await asyncio.sleep(1800)
    assert tail.silence() == 3600 + 1800
    assert max(tail.pauses) == 3600


def test_what_is_told_of_pauses_is_the_jobs_own() -> None:
    run_skipping(_periodic())


async def _attempts() -> None:
    tail = JobTail(job_of("w", 1, JobStatus.RUNNING), skipping_clock())

    def hear(*lines: LogLine) -> Sequence[object]:
        tail.heard(lines)
        assert tail.line is not None
        return tail.line.attempt, tail.line.sequence_num, tail.lines

    first = line_at(700, 1.0)
    assert hear(first) == (1, 700, 700)
    assert hear(line_at(698, 0.9)) == (1, 700, 700)
    second = first._replace(attempt=2, sequence_num=0)
    assert hear(second) == (2, 0, 1)
    assert hear(first) == (2, 0, 1)
    assert hear(second._replace(sequence_num=5, stream="stderr")) == (2, 5, 5)


def test_the_newest_line_is_that_of_the_newest_attempt() -> None:
    run_skipping(_attempts())


async def _turns() -> None:
    clock = skipping_clock()
    client = ScriptedFleet()
    client.fill(20)
    settings = FleetSettings(requests_per_minute=30, poll_seconds=1.0)
    fleet = Fleet(client, settings=settings, clock=clock)
    task = asyncio.create_task(fleet.run())
    await asyncio.sleep(10)
    begun, before = clock.monotonic(), len(client.asked)
    turns: list[float] = []
    for _ in range(20):
        await fleet.turn()
        turns.append(clock.monotonic())
    asked = [at for at, _ in client.asked[before:]]
    every = sorted([*turns, *asked])
    windows = [sum(at - 60 < each <= at for each in every) for at in every]
    assert max(windows) <= 30
    assert turns[-1] - begun < 60
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_turn_is_one_of_the_fleets_own_requests() -> None:
    run_skipping(_turns())
