"""What the fleet knows of jobs that fit a filter, and what it asks to know it."""

from __future__ import annotations

from itertools import pairwise

from chronotui.engine.fleet_entry import FleetEntry
from chronotui.errors import RequestRefusedError
from chronotui.model import Job, JobFilter, JobStatus, Page
from chronotui.sources.protocol import EVERYTHING
from tests.engine.scripted_fleet import ScriptedFleet, job_of, workflow_of
from tests.engine.skipped_time import run_skipping
from tests.engine.test_fleet import fleet_of, running, swept, until

FAILED = JobFilter(JobStatus.FAILED)
COMPLETED = JobStatus.COMPLETED
FAR_APART = 600.0
"""Minutes between jobs: what runs cannot lie behind the newest page of such."""


def filled(
    server: ScriptedFleet, name: str, jobs: int, *, failed: int | None = None
) -> None:
    """Give a workflow so many jobs, newest first; one of them has failed."""
    states = [JobStatus.FAILED if at == failed else COMPLETED for at in range(jobs)]
    made = enumerate(states)
    server.add(
        name,
        *(job_of(name, 1000 - at, state, minutes=FAR_APART) for at, state in made),
    )


class Refusing(ScriptedFleet):
    """Takes no filter."""

    refused = 0

    async def jobs(
        self,
        workflow_id: str,
        *,
        cursor: str | None = None,
        only: JobFilter = EVERYTHING,
    ) -> Page[Job]:
        if only != EVERYTHING:
            self.refused += 1
            raise RequestRefusedError("There is no such filter.")
        return await super().jobs(workflow_id, cursor=cursor, only=only)


def test_what_is_held_or_whole_needs_no_question() -> None:
    async def main() -> None:
        server = ScriptedFleet()
        filled(server, "failing", 30, failed=2)
        filled(server, "calm", 5)
        filled(server, "long", 30)
        fleet = fleet_of(server)
        assert fleet.fits("calm", FAILED) is None  # not even listed
        async with running(fleet):
            await swept(fleet)
            assert fleet.fits("failing", FAILED) is True
            assert fleet.fits("calm", FAILED) is False
            assert fleet.fits("long", FAILED) is None

    run_skipping(main())


def test_what_is_looked_at_is_asked_once_within_the_budget() -> None:
    async def main() -> None:
        server = ScriptedFleet()
        names = [f"long-{number}" for number in range(6)]
        for name in names:
            filled(server, name, 30)
        filled(server, "old-failure", 30, failed=25)
        filled(server, "unseen", 30)
        fleet = fleet_of(server, requests_per_minute=30)
        async with running(fleet):
            await swept(fleet)
            fleet.want([*names, "old-failure"])
            fleet.look_for(FAILED)
            await until(lambda: fleet.fits("old-failure", FAILED) is True)
            await until(lambda: all(fleet.fits(n, FAILED) is False for n in names))
            assert fleet.requests_last_minute <= 30
            await until(lambda: len(server.asked) > 60)
        asked = [name for name, only in server.filters if only == FAILED]
        assert sorted(asked) == sorted([*names, "old-failure"])
        assert fleet.fits("unseen", FAILED) is None
        # Never twice in a row: what runs is read in between.
        kinds = [only == FAILED for _name, only in server.filters]
        assert not any(one and other for one, other in pairwise(kinds))

    run_skipping(main())


def test_who_cannot_tell_is_not_asked_again() -> None:
    async def main() -> None:
        server = Refusing()
        filled(server, "long", 30)
        fleet = fleet_of(server)
        async with running(fleet):
            await swept(fleet)
            fleet.want(["long"])
            fleet.look_for(FAILED)
            await until(lambda: len(server.asked) > 20)
        assert server.refused == 1
        assert fleet.fits("long", FAILED) is None

    run_skipping(main())


def test_nothing_is_asked_once_nobody_looks_for_it() -> None:
    async def main() -> None:
        server = ScriptedFleet()
        filled(server, "long", 30)
        fleet = fleet_of(server)
        async with running(fleet):
            await swept(fleet)
            fleet.look_for(FAILED)
            fleet.want(["long"])
            fleet.look_for(None)
            await until(lambda: len(server.asked) > 20)
        assert all(only == EVERYTHING for _name, only in server.filters)

    run_skipping(main())


def test_what_was_told_is_forgotten_where_jobs_may_have_been_missed() -> None:
    entry = FleetEntry(workflow_of("w"))
    page = [job_of("w", number) for number in range(1000, 990, -1)]
    entry.put(page, 1.0, has_more=True)
    entry.put_told(FAILED, False)
    assert entry.fits(FAILED) is False
    assert not entry.is_unasked(FAILED)
    near = [job_of("w", number) for number in range(1005, 995, -1)]
    entry.put(near, 2.0, has_more=True)
    assert entry.fits(FAILED) is False
    far = [job_of("w", number) for number in range(1500, 1490, -1)]
    entry.put(far, 3.0, has_more=True)
    assert entry.fits(FAILED) is None
    assert entry.is_unasked(FAILED)
