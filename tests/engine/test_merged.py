"""Jobs watched together, over sockets and with every loss a stream can have."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from chronotui.demo.faults import Faults
from chronotui.demo.scripts import Script, ScriptLine
from chronotui.engine.catalog import CatalogSettings
from chronotui.engine.connection import Connection, ConnectionKind
from chronotui.engine.merged import (
    MOST_WATCHED,
    MergedLog,
    jobs_that_run,
    most_telling,
)
from chronotui.engine.session import Session
from chronotui.engine.sweep import JobOf
from chronotui.log.marks import Mark
from chronotui.log.merged import ms_of
from chronotui.log.rows import Rows
from chronotui.model import STDERR, STDOUT, Job, JobStatus, WorkflowKind
from tests.engine.conftest import SETTINGS, TIMING, true_lines, until
from tests.exactness import client_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from chronotui.demo.scripts import ScriptedJob
    from chronotui.demo.server import DemoServer
    from tests.conftest import MakeDemo

LOSSY = {
    "live_dropped": 0.1,
    "live_doubled": 0.1,
    "live_swapped": 0.1,
    "retention_lag": (0.0, 0.05),
}


@asynccontextmanager
async def session_on(demo: DemoServer) -> AsyncIterator[Session]:
    session = Session(
        client_of(demo),
        tree=CatalogSettings(poll_seconds=0.2),
        watch=SETTINGS,
        memory_bytes=64 << 20,
    )
    try:
        yield session
    finally:
        await session.close()


def short(job: Job) -> str:
    return job.id[:6]


async def added(session: Session, merged: MergedLog, made: ScriptedJob) -> None:
    workflow = await session.client.workflow(made.workflow_id)
    job = await session.client.job(made.workflow_id, made.id)
    assert merged.add(JobOf(workflow, job))


def running_job(demo: DemoServer, name: str, lines: int) -> ScriptedJob:
    return demo.world.add_job(
        Script(
            [
                ScriptLine(
                    f"{name} {n}", STDERR if n % 4 == 0 else STDOUT, retained=0.0
                )
                for n in range(lines)
            ],
            starts_in=-60,
        )
    )


def shown_of(merged: MergedLog) -> list[list[tuple[int, int, str, str]]]:
    """The lines shown of each job, as their own logs name them."""
    shown: list[list[tuple[int, int, str, str]]] = [[] for _ in merged.jobs]
    for line in merged.store.lines(0, len(merged.store)):
        place = merged.place(line)
        assert place is not None
        owner = merged.jobs.index(merged.owner(line))
        shown[owner].append((*place[:2], line.stream, line.message))
    return shown


def marks_of(merged: MergedLog) -> list[str]:
    rows = Rows(merged.store)
    return [row.text for row in rows.rows(0, len(rows)) if isinstance(row, Mark)]


async def test_every_line_of_every_job_stands_once_and_in_its_order(
    make_demo: MakeDemo,
) -> None:
    demo = make_demo(faults=Faults(seed=7, **LOSSY))  # type: ignore[arg-type]
    made = [running_job(demo, name, 120) for name in ("one", "two", "three")]
    async with session_on(demo) as session:
        merged = MergedLog(session, short, timing=TIMING)
        for each in made:
            await added(session, merged, each)
        await until(lambda: len(merged.store) >= 340)
        for n in range(60):
            for each in made:
                stream = STDERR if n % 7 == 0 else STDOUT
                each.write(ScriptLine(f"live {n}", stream))
            await asyncio.sleep(0.005)
        for each in made:
            each.end()
        await until(lambda: all(each.is_over for each in merged.jobs))
        await until(lambda: not any(each.order.is_due for each in merged.jobs))
        assert shown_of(merged) == [true_lines(demo, each) for each in made]
        places = [line.sequence_num for line in merged.store.lines(0, 600)]
        assert all(ms_of(a) <= ms_of(b) for a, b in pairwise(places))
        assert merged.lacks == "0 missing"
        assert merged.state.connection.kind is ConnectionKind.ENDED
        sealed = "sealed ✓ 180 lines, 0 missing"
        await until(lambda: sum(sealed in text for text in marks_of(merged)) == 3)
        assert all("ended COMPLETED" in text for text in marks_of(merged))
        merged.close()


async def test_a_job_has_one_stream_whoever_reads_it(make_demo: MakeDemo) -> None:
    demo = make_demo()
    made = running_job(demo, "one", 5)
    async with session_on(demo) as session:
        merged = MergedLog(session, short, timing=TIMING)
        await added(session, merged, made)
        opened = session.open(merged.jobs[0].workflow, merged.jobs[0].job)
        assert opened is merged.jobs[0].opened
        await until(lambda: opened.log.state.connection.kind is ConnectionKind.LIVE)
        merged.pause()
        assert opened.watching is not None
        opened.leave()
        assert opened.watching is None
        merged.watch()
        assert opened.watching is not None
        opened.leave()
        assert opened.watching is not None
        merged.close()
        assert opened.watching is None
        assert len(demo.requests.all("live")) <= 2


async def test_lines_stay_while_their_reader_is_away(make_demo: MakeDemo) -> None:
    demo = make_demo()
    made = running_job(demo, "one", 50)
    others = [running_job(demo, f"other {n}", 1) for n in range(6)]
    async with session_on(demo) as session:
        merged = MergedLog(session, short, timing=TIMING)
        await added(session, merged, made)
        await until(lambda: len(merged.store) == 50)
        merged.pause()
        for each in others:  # more than are kept
            job = await session.client.job(each.workflow_id, each.id)
            session.open(None, job).leave()
            await asyncio.sleep(0)
        made.write("later")
        merged.watch()
        await until(lambda: len(merged.store) == 51)
        assert merged.jobs[0].opened is session.open(None, merged.jobs[0].job)
        merged.close()


async def test_a_new_run_of_a_watched_workflow_joins(make_demo: MakeDemo) -> None:
    demo = make_demo()
    made = running_job(demo, "one", 10)
    async with session_on(demo) as session:
        fleet = session.fleet
        assert fleet is not None
        merged = MergedLog(session, short, timing=TIMING)
        await added(session, merged, made)
        merged.tick()
        assert len(merged.jobs) == 1
        new = demo.world.add_job(
            Script([ScriptLine("new", retained=0.0)], starts_in=0),
            workflow=demo.world.named("scripted"),
        )
        workflow = merged.jobs[0].workflow
        page = await session.client.jobs(made.workflow_id)
        session.start_fleet()
        await until(lambda: fleet.workflow(workflow.id) is not None)
        fleet.put(workflow.id, page.items)
        merged.tick()
        assert new.id in {each.job.id for each in merged.jobs}
        joined = merged.jobs[-1]
        await until(lambda: joined.order.last is not None)
        texts = [mark.text for mark in merged.store.marks.all()]
        assert any("began, joined" in text for text in texts)
        merged.close()


async def test_more_than_can_be_watched_are_counted(make_demo: MakeDemo) -> None:
    demo = make_demo()
    made = [running_job(demo, f"job {n}", 1) for n in range(MOST_WATCHED + 2)]
    async with session_on(demo) as session:
        merged = MergedLog(session, short, timing=TIMING)
        for each in made[:-2]:
            await added(session, merged, each)
        workflow = merged.jobs[0].workflow
        for each in made[-2:]:
            job = await session.client.job(each.workflow_id, each.id)
            assert not merged.add(JobOf(workflow, job))
        merged.tick()
        assert merged.summary() == "20 jobs merged by time, 2 left out: 20 at most"
        made[0].end()
        await until(lambda: merged.jobs[0].is_over)
        merged.tick()
        assert merged.summary() == "21 jobs merged by time, 1 left out: 20 at most"
        merged.close()


async def test_what_runs_is_told_from_fleet_and_tree(make_demo: MakeDemo) -> None:
    demo = make_demo()
    async with session_on(demo) as session:
        assert jobs_that_run(session) == []
        session.start()
        session.start_fleet()
        await until(lambda: len(jobs_that_run(session)) >= 3)
        assert {of.job.status for of in jobs_that_run(session)} == {"RUNNING"}


async def test_a_job_without_a_log_ends_as_the_lists_tell(make_demo: MakeDemo) -> None:
    demo = make_demo()
    made = running_job(demo, "beat", 1)
    async with session_on(demo) as session:
        session.start()
        session.start_fleet()
        workflow = await session.client.workflow(made.workflow_id)
        job = await session.client.job(made.workflow_id, made.id)
        merged = MergedLog(session, short, timing=TIMING)
        assert merged.add(JobOf(replace(workflow, kind=WorkflowKind.HEARTBEAT), job))
        (each,) = merged.jobs
        await until(lambda: each.is_over)
        assert each.job.status == JobStatus.RUNNING
        made.end()

        def has_ended() -> bool:
            merged.tick()
            return each.job.has_ended

        await until(has_ended)
        merged.close()


LIVE, QUIET = Connection(ConnectionKind.LIVE), Connection(ConnectionKind.QUIET)
BROKEN = Connection(ConnectionKind.RECONNECTING, "cut", next_try=4.0)
ASKED = QUIET._replace(reason="no answer", is_troubled=True, subject="job")
OVER = Connection(ConnectionKind.ENDED, "ended COMPLETED")
AT_ITS_END = OVER._replace(reason="no answer", is_troubled=True, subject="last lines")


@pytest.mark.parametrize(
    ("connections", "kind", "reason"),
    [
        ([], "CONNECTING", ""),
        ([OVER, QUIET], "QUIET", ""),
        ([OVER, LIVE, QUIET], "LIVE", ""),
        ([LIVE, ASKED], "QUIET", "1: no answer"),
        ([ASKED, BROKEN], "RECONNECTING", "1: cut"),
        ([AT_ITS_END, OVER, ASKED], "QUIET", "2: no answer"),
        ([AT_ITS_END, LIVE], "LIVE", "0: no answer"),
        ([AT_ITS_END, BROKEN], "RECONNECTING", "1: cut"),
        ([OVER, AT_ITS_END], "ENDED", "1: no answer"),
    ],
)
def test_jobs_have_ended_together_only_once_none_runs(
    connections: list[Connection], kind: str, reason: str
) -> None:
    shown = most_telling([(str(n), each) for n, each in enumerate(connections)])
    assert (shown.kind, shown.reason) == (kind, reason)


def test_jobs_are_quiet_together_since_the_last_line_of_any() -> None:
    quiet = [QUIET._replace(since=since) for since in (3.0, 9.0, 5.0)]
    assert most_telling([("", each) for each in quiet]).since == 9.0


async def test_what_failed_before_the_seal_is_over_with_it(make_demo: MakeDemo) -> None:
    demo = make_demo()
    made = running_job(demo, "one", 10)
    async with session_on(demo) as session:
        merged = MergedLog(session, short, timing=TIMING)
        await added(session, merged, made)
        await until(lambda: len(merged.store) == 10)
        log = merged.jobs[0].log
        await until(lambda: log.state.connection.kind is ConnectionKind.LIVE)
        demo.faults.refuse(503, route="logs", times=-1)
        made.end()
        await until(lambda: log.state.connection.kind is ConnectionKind.ENDED)
        demo.faults.refuse(503, route="job", times=-1)
        asked = demo.requests.count("job")
        merged.ask_now()
        await until(lambda: demo.requests.count("job") > asked)
        await until(lambda: log.state.connection.subject == "last lines, job 503")
        assert log.state.verdict is None
        demo.faults.relent("logs")
        merged.ask_now()
        await until(lambda: log.state.verdict)
        assert not merged.state.connection.is_troubled
        merged.close()
