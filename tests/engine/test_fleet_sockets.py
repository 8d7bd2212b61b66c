"""The fleet against the demo server, proven by what the server was asked."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.world import WorkflowPlan
from chronotui.engine.catalog import CatalogSettings
from chronotui.engine.fleet import Fleet, FleetSettings
from chronotui.engine.retry import Retries
from chronotui.engine.session import Session
from chronotui.engine.sweep import Overview, running_jobs
from chronotui.engine.timing import WatchSettings
from chronotui.model import JobStatus
from tests.engine.conftest import until
from tests.exactness import client_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from chronotui.demo.server import DemoServer
    from tests.conftest import MakeDemo

MINUTE = 4.0
"""Seconds of a minute here."""

FAST = FleetSettings(
    requests_per_minute=20,
    poll_seconds=0.1,
    retry_first=0.05,
    retry_cap=0.3,
    minute=MINUTE,
)


def living(demo: DemoServer) -> list[str]:
    return [one.id for one in demo.world.workflows if one.terminated_ns is None]


@asynccontextmanager
async def running(
    demo: DemoServer, settings: FleetSettings = FAST
) -> AsyncIterator[Fleet]:
    client = client_of(demo)
    fleet = Fleet(client, settings=settings)
    task = asyncio.create_task(fleet.run())
    try:
        yield fleet
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.aclose()


async def swept(fleet: Fleet) -> None:
    await until(lambda: fleet.progress[1] is not None and not fleet.is_sweeping)


@pytest.fixture
def quiet(make_demo: MakeDemo) -> DemoServer:
    """A server of thirty workflows with three jobs each, none new for an hour."""
    plans = tuple(
        WorkflowPlan(f"job-{n}", "report", interval=1440, history=3, age=3600.0)
        for n in range(30)
    )
    return make_demo(plans=plans)


async def test_the_server_sees_each_workflow_once_then_the_budget(
    quiet: DemoServer,
) -> None:
    async with running(quiet) as fleet:
        await swept(fleet)
        opening = quiet.requests.all("jobs")[:30]
        asked = [record.path.split("/")[-2] for record in opening]
        assert sorted(asked) == sorted(living(quiet))
        opened = len(quiet.requests.all())
        more_than_a_minutes = opened + 3 * FAST.requests_per_minute // 2
        await until(lambda: len(quiet.requests.all()) >= more_than_a_minutes)
    times = [record.at for record in quiet.requests.all()[opened:]]
    windows = [sum(at - MINUTE < each <= at for each in times) for at in times]
    # One that was held up on its way may arrive in the next one's time.
    assert max(windows) <= FAST.requests_per_minute + 1


async def test_it_tells_what_runs_and_what_failed(make_demo: MakeDemo) -> None:
    demo = make_demo(fleet=30)
    async with running(demo) as fleet:
        await swept(fleet)
        assert set(fleet.workflows) <= {one.id for one in demo.world.workflows}
        told = {job.id for each in fleet.workflows for job in fleet.jobs(each)}
        now = demo.world.clock.now_ns()
        known = {
            job.id
            for one in demo.world.workflows
            if one.terminated_ns is None
            for job in islice(one.jobs(now), 1, 8)  # the newest may be newer than that
        }
        assert known <= told
        for each in fleet.workflows:
            health = fleet.health(each)
            assert health is not None
            newest = fleet.jobs(each)[:5]
            assert health.outcomes == tuple(job.status for job in newest)[::-1]


async def test_an_outage_of_the_server_is_said_and_over(quiet: DemoServer) -> None:
    async with running(quiet) as fleet:
        await swept(fleet)
        before = {each: fleet.jobs(each) for each in fleet.workflows}
        quiet.faults.refuse(503, route="jobs", times=-1)
        quiet.faults.refuse(503, route="workflows", times=-1)
        await until(lambda: fleet.problem is not None)
        assert {each: fleet.jobs(each) for each in fleet.workflows} == before
        quiet.faults.relent()
        fleet.ask_now()
        await until(lambda: fleet.problem is None)


async def test_commands_read_over_all_workflows(make_demo: MakeDemo) -> None:
    demo = make_demo(fleet=40)
    client = client_of(demo)
    try:
        ask = Retries().ask
        found = await running_jobs(client, ask)
        assert {one.job.status for one in found} <= {JobStatus.RUNNING}
        assert found
        every = await Overview(client, ask).every_job()
        newest, has_more = await Overview(client, ask).newest_jobs(37)
        assert has_more
        assert len(newest) == 37
        # Each workflow once, whatever it has.
        made = [one.job.created_at for one in every]
        assert made == sorted(made, reverse=True)  # type: ignore[type-var]
        assert len({one.job.id for one in every}) == len(every)
        ids = {one.job.id for one in every[:60]}
        assert len({one.job.id for one in newest} & ids) >= 30
    finally:
        await client.aclose()


async def test_a_session_has_one_fleet_which_the_tree_feeds(quiet: DemoServer) -> None:
    client = client_of(quiet)
    session = Session(
        client,
        tree=CatalogSettings(poll_seconds=0.1),
        watch=WatchSettings(),
        memory_bytes=1 << 20,
    )
    try:
        fleet = session.fleet
        assert fleet is session.fleet
        assert fleet is not None
        session.start()
        await until(lambda: len(session.catalog.tree.workflows) > 0)
        unfolded = session.catalog.tree.workflows.ids[0]
        session.catalog.set_expanded(unfolded, True)
        await until(lambda: session.start_fleet() and fleet.jobs(unfolded))
        await swept(fleet)
        assert fleet.progress == (30, 30)
    finally:
        await session.close()
