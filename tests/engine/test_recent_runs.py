"""The last runs of a workflow that is looked at, within the fleet's budget."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from chronotui.demo.scripts import Script
from chronotui.engine.fleet import Fleet
from chronotui.engine.recent_runs import RecentRuns
from chronotui.tree.durations import LAST
from tests.engine.conftest import until
from tests.exactness import client_of

if TYPE_CHECKING:
    from chronotui.demo.server import DemoServer

HOUR = 3600


class RestingFleet(Fleet):
    """Reads nothing itself, and lets others ask."""

    async def turn(self) -> None:
        """Let a request be made at once."""


async def test_who_is_looked_at_is_read_as_far_as_the_picture_goes(
    demo: DemoServer,
) -> None:
    made = [
        demo.world.add_job(Script(["x"], starts_in=-HOUR * n, ends_after=60))
        for n in range(1, LAST + 20)
    ]
    client = client_of(demo)
    recent = RecentRuns(client, RestingFleet(client), rest_seconds=0.01)
    told = asyncio.Event()
    recent.subscribe(told.set)
    try:
        workflow = (await client.workflows(query="scripted")).items[0]
        other = (await client.workflows(query="nightly")).items[0]
        demo.requests.clear()
        recent.want(other)
        recent.want(workflow)  # before the other one had been looked at for long
        await asyncio.wait_for(told.wait(), 60)
        jobs, more = recent.of(workflow.id)
        assert [job.id for job in jobs] == [job.id for job in made[:LAST]]
        assert more
        assert not recent.of(other.id).jobs
        assert demo.requests.count("jobs") == LAST // 10
        recent.want(None)
        recent.want(workflow)
        recent.want(other)
        await until(lambda: recent.of(other.id).jobs)
        assert demo.requests.count("jobs") == 2 * LAST // 10
    finally:
        await recent.close()
        await client.aclose()


async def test_a_list_that_cannot_be_read_is_left_alone_for_a_while(
    demo: DemoServer,
) -> None:
    client = client_of(demo)
    recent = RecentRuns(client, RestingFleet(client), rest_seconds=0.01)
    told = asyncio.Event()
    recent.subscribe(told.set)
    try:
        workflow = (await client.workflows(query="nightly")).items[0]
        demo.faults.refuse(404, route="jobs", times=1)
        recent.want(workflow)
        await asyncio.wait_for(told.wait(), 60)
        assert recent.of(workflow.id) == ((), True)
        assert demo.requests.count("jobs") == 1
    finally:
        await recent.close()
        await client.aclose()
