"""Alerts against the demo server: told once, with little asked."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import time
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.scripts import Script, ScriptLine
from chronotui.engine import alert_questions, alert_watch
from chronotui.engine.alert_watch import MOST_STREAMS, AlertWatch
from chronotui.engine.alerts import new_alert
from chronotui.engine.catalog import CatalogSettings
from chronotui.engine.session import Session
from chronotui.engine.timing import WatchSettings
from chronotui.storage.alert_book import Alert, AlertBook, AlertKind
from tests.engine.conftest import TIMING, until
from tests.exactness import client_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer
    from chronotui.model import Job


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_watch, "CALM", 0.01)
    monkeypatch.setattr(alert_watch, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(alert_questions, "END_AFTER", 0.05)


@dataclass
class Desk:
    """A session whose alerts are watched for, and what was told there."""

    session: Session
    watch: AlertWatch
    told: list[str] = field(default_factory=list)

    async def job(self, made: ScriptedJob) -> Job:
        job: Job = await self.session.client.job(made.workflow_id, made.id)
        return job

    def add(self, kind: AlertKind, job: Job, **more: object) -> None:
        known = self.watch.known_jobs(job.workflow_id)
        alert = new_alert(kind, "w", job=job, known=known, now=time(), **more)  # type: ignore[arg-type]
        assert self.watch.add(alert)

    def add_every(self, kind: AlertKind, workflow_id: str, pattern: str = "") -> None:
        known = self.watch.known_jobs(workflow_id)
        alert = new_alert(
            kind, "w", workflow_id=workflow_id, known=known, pattern=pattern, now=time()
        )
        assert self.watch.add(alert)

    async def swept(self, workflow_id: str) -> None:
        fleet = self.session.fleet
        assert fleet is not None
        await until(lambda: fleet.age(workflow_id) is not None)


@asynccontextmanager
async def desk_of(
    demo: DemoServer, book: AlertBook | None = None
) -> AsyncIterator[Desk]:
    session = Session(
        client_of(demo),
        tree=CatalogSettings(poll_seconds=0.2),
        watch=WatchSettings(poll_seconds=0.1, timing=TIMING),
        memory_bytes=1 << 20,
        requests_per_minute=600,
    )
    told: list[str] = []
    watch = AlertWatch(
        session,
        book or AlertBook(None),
        lambda notices: told.extend(each.sentence for each in notices),
    )
    session.start()
    session.start_fleet()
    watching = asyncio.create_task(watch.run())
    try:
        yield Desk(session, watch, told)
        assert not watching.done()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await session.close()


def running(demo: DemoServer, *lines: str) -> ScriptedJob:
    return demo.world.add_job(Script(list(lines) or ["begun"], starts_in=-60))


async def test_the_end_of_a_job_and_not_of_those_before(demo: DemoServer) -> None:
    before, made = running(demo), running(demo)
    before.end("FAILED")
    async with desk_of(demo) as desk:
        await desk.swept(made.workflow_id)
        desk.add_every(AlertKind.FAILURE, made.workflow_id)
        desk.add(AlertKind.END, await desk.job(made))
        made.end("FAILED")
        await until(lambda: desk.told)
        await until(lambda: len(desk.watch.standing()) == 1)
        another = running(demo)
        another.end("FAILED")
        await until(lambda: len(desk.told) == 2)
    assert made.id[:6] in desk.told[0]
    assert another.id[:6] in desk.told[1]


async def test_what_ended_while_no_desk_was_open_is_told_at_the_start_once(
    demo: DemoServer, tmp_path: Path
) -> None:
    path, made = tmp_path / "a.json", running(demo)
    async with desk_of(demo, AlertBook(path)) as desk:
        await desk.swept(made.workflow_id)
        desk.add(AlertKind.END, await desk.job(made))
        desk.add_every(AlertKind.END, made.workflow_id)
        assert desk.watch.flagged == {made.id, made.workflow_id}
    made.end("COMPLETED")
    async with (
        desk_of(demo, AlertBook(path)) as one,
        desk_of(demo, AlertBook(path)) as other,
    ):
        await until(lambda: one.told or other.told)
        await until(lambda: len(one.watch.standing()) == 1)
        await until(lambda: len(other.watch.standing()) == 1)
    assert len(one.told + other.told) == 1
    async with desk_of(demo, AlertBook(path)) as third:
        await third.swept(made.workflow_id)
        await asyncio.sleep(0.1)
    assert third.told == []


async def test_a_job_that_no_list_shows_is_asked_for_alone(
    demo: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_questions, "ALONE_EVERY", 0.2)
    made = running(demo)
    async with desk_of(demo) as desk:
        job = await desk.job(made)
        for _ in range(130):
            running(demo).end("COMPLETED")
        await desk.swept(made.workflow_id)
        assert desk.session.fleet is not None
        gone = Alert(AlertKind.END, made.workflow_id, job_id="no-such-job")
        desk.watch.add(gone)
        made.end("FAILED")
        desk.add(AlertKind.END, job)
        await until(lambda: desk.told)
        await until(lambda: not desk.watch.standing())
    assert "FAILED" in desk.told[0]


async def test_an_outage_loses_no_alert_and_tells_none_twice(demo: DemoServer) -> None:
    made = running(demo)
    async with desk_of(demo) as desk:
        await desk.swept(made.workflow_id)
        desk.add(AlertKind.PATTERN, await desk.job(made), pattern="bad")
        desk.add_every(AlertKind.END, made.workflow_id)
        await asyncio.sleep(0.05)  # lines are newer by their own times
        demo.faults.refuse(503, times=-1)
        made.write("bad while nobody could ask")
        made.end("FAILED")
        await asyncio.sleep(0.3)
        demo.faults.relent()
        desk.session.ask_now(None)
        await until(lambda: len(desk.told) == 2)
        await asyncio.sleep(0.3)
        assert len(desk.told) == 2


async def test_lines_of_jobs_nobody_has_open_are_listened_to_a_few_at_a_time(
    demo: DemoServer,
) -> None:
    made = [running(demo, "bad old") for _ in range(MOST_STREAMS + 2)]
    async with desk_of(demo) as desk:
        newest = desk.session.newest_lines
        await desk.swept(made[0].workflow_id)
        jobs = [await desk.job(each) for each in made]
        for job in jobs:
            desk.add(AlertKind.PATTERN, job, pattern="bad")
        await until(
            lambda: newest and sum(map(newest.is_listening, ids(jobs))) == MOST_STREAMS
        )
        await until(lambda: demo.requests.streams == MOST_STREAMS)
        words = [each.words for each in desk.watch.standing()]
        assert words.count("listens") == MOST_STREAMS
        assert sum(each.startswith("waits: ") for each in words) == 2
        for job, each in zip(jobs, made, strict=True):
            each.write(f"bad {job.id}", "bad again")
        await until(lambda: len(desk.told) >= MOST_STREAMS)
        # Those that are told make room for the others, whose pages tell the rest.
        await until(lambda: len(desk.told) == len(made))
        assert demo.requests.most_streams <= MOST_STREAMS + 1  # one opens as one ends
        assert len({each.split()[-1] for each in desk.told}) == len(made)


def ids(jobs: list[Job]) -> list[str]:
    return [job.id for job in jobs]


async def test_an_opened_log_is_read_for_nothing_and_old_lines_are_not_told(
    demo: DemoServer,
) -> None:
    made = running(demo, "bad 1", "fine")
    async with desk_of(demo) as desk:
        await desk.swept(made.workflow_id)
        job = await desk.job(made)
        opened = desk.session.open(None, job)
        await until(lambda: opened.log.state.lines == 2)
        desk.add(AlertKind.PATTERN, job, pattern="BAD|bad", place=(1, 1))
        await until(lambda: desk.watch.standing()[0].words == "listens")
        made.write(ScriptLine("never live: bad 2", live=None), "after")
        await until(lambda: desk.told)
        assert desk.told == [f"scripted {made.id[:6]}: never live: bad 2"]
        assert demo.requests.count("events") == 1


async def test_a_stall_is_told_by_the_job_s_own_past(demo: DemoServer) -> None:
    lines = [ScriptLine(f"line {n}", after=2.0) for n in range(12)]
    stalled = demo.world.add_job(Script(list(lines), starts_in=-260))
    hourly = demo.world.add_job(Script(["a", "b"], starts_in=-260))
    async with desk_of(demo) as desk:
        await desk.swept(stalled.workflow_id)
        for each in (stalled, hourly):
            desk.add(AlertKind.STALL, await desk.job(each))
        await until(lambda: desk.told)
        await asyncio.sleep(0.3)
        (told,) = desk.told
    assert told.startswith(f"scripted {stalled.id[:6]} has stalled: nothing for ")
