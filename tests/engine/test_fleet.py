"""The fleet on a clock that skips, against a server in memory."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronotui.engine.fleet import Fleet, FleetSettings
from chronotui.engine.timing import Clock
from chronotui.errors import (
    FailedAnswerError,
    NotAllowedError,
    NotSignedInError,
    OverloadedError,
    UnreachableError,
)
from chronotui.model import JobFilter, JobStatus
from tests.engine.scripted_fleet import NOW, ScriptedFleet, job_of
from tests.engine.skipped_time import run_skipping

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

RUNNING, FAILED, COMPLETED = JobStatus.RUNNING, JobStatus.FAILED, JobStatus.COMPLETED


def fleet_of(server: ScriptedFleet, **rules: Any) -> Fleet:
    clock = Clock(wall=NOW.timestamp, chance=lambda: 0.5)
    return Fleet(server, settings=FleetSettings(**rules), clock=clock)


@asynccontextmanager
async def running(fleet: Fleet) -> AsyncIterator[Fleet]:
    task = asyncio.create_task(fleet.run())
    try:
        yield fleet
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], object], seconds: float = 3600.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the clock skips
            await asyncio.sleep(0.01)


async def swept(fleet: Fleet) -> None:
    await until(lambda: fleet.progress[1] is not None and not fleet.is_sweeping)


def test_a_sweep_asks_each_workflow_once_four_at_a_time() -> None:
    async def main() -> None:
        server = ScriptedFleet()
        server.fill(57)
        fleet = fleet_of(server)
        seen: list[int] = []
        fleet.subscribe(lambda: seen.append(fleet.progress[0]))
        async with running(fleet):
            await swept(fleet)
        names = [each.id for each in server.workflows_]
        assert sorted(server.words()[:63]) == sorted(
            [*names, "list", *(f"list {at}" for at in range(10, 60, 10))]
        )
        assert server.most_at_once == 4
        assert list(fleet.workflows) == names
        assert fleet.progress == (57, 57)
        # Rows come as they are read, and the budget is not touched by it.
        assert any(0 < count < 57 for count in seen)
        assert fleet.requests_last_minute == 0

    run_skipping(main())


@settings(max_examples=20)
@given(
    per_minute=st.integers(6, 600),
    workflows=st.integers(1, 60),
    busy=st.integers(0, 60),
)
def test_no_minute_has_more_requests_than_the_budget(
    per_minute: int, workflows: int, busy: int
) -> None:
    async def main() -> None:
        server = ScriptedFleet(latency=0.02)
        server.fill(min(busy, workflows), RUNNING)
        server.fill(workflows - min(busy, workflows))
        fleet = fleet_of(server, requests_per_minute=per_minute, poll_seconds=0.2)
        async with running(fleet):
            await swept(fleet)
            opened = len(server.asked)
            for number in range(15):
                fleet.want(list(fleet.workflows)[number : number + 3])
                fleet.ask_now()
                await asyncio.sleep(10)
        times = [at for at, _word in server.asked[opened:]]
        windows = [sum(at - 60 < each <= at for each in times) for at in times]
        assert max(windows, default=0) <= per_minute
        if busy and per_minute <= 60:  # and what may be asked is asked
            assert max(windows) >= per_minute * 0.8

    run_skipping(main())


def test_what_runs_comes_before_what_failed_and_that_before_the_rest() -> None:
    async def main() -> None:
        server = ScriptedFleet()
        server.fill(20)
        server.fill(5, FAILED)
        server.fill(5, RUNNING)
        ids = [each.id for each in server.workflows_]
        async with running(fleet_of(server)) as fleet:
            await swept(fleet)
            opened = len(server.asked)
            await asyncio.sleep(180)
        asked = server.words()[opened:]
        first = [word for word in asked if not word.startswith("list")]
        assert set(first[:5]) == set(ids[25:])
        share = {name: first.count(name) for name in ids}
        runs, fails = share[ids[29]], share[ids[24]]
        assert runs > 2 * fails
        assert fails > share[ids[0]]
        # and nothing is forgotten over it
        assert min(share.values()) >= 1

    run_skipping(main())


def test_what_is_looked_at_is_asked_sooner() -> None:
    async def main() -> None:
        server = ScriptedFleet()
        server.fill(40)
        async with running(fleet_of(server)) as fleet:
            await swept(fleet)
            wanted = server.workflows_[33].id
            fleet.want([wanted])
            opened = len(server.asked)
            await asyncio.sleep(60)
        counts = [server.words()[opened:].count(w.id) for w in server.workflows_]
        assert counts[33] == max(counts) >= 2

    run_skipping(main())


def test_what_was_read_elsewhere_spares_its_request() -> None:
    async def main() -> None:
        server = ScriptedFleet()
        server.fill(12)
        fleet = fleet_of(server)
        early, late = server.workflows_[10].id, server.workflows_[3].id
        fleet.put(early, server.jobs_[early], has_more=False)
        async with running(fleet):
            await swept(fleet)
            assert server.count(early) == 0
            assert fleet.jobs(early) == tuple(server.jobs_[early])
            opened = len(server.asked)
            for _ in range(60):
                fleet.put(late, server.jobs_[late], has_more=False)
                await asyncio.sleep(1)
            assert late not in server.words()[opened:]

    run_skipping(main())


def test_a_new_workflow_is_noticed_and_one_that_is_gone_forgotten() -> None:
    async def main() -> None:
        server = ScriptedFleet()
        server.fill(35)
        async with running(fleet_of(server, requests_per_minute=120)) as fleet:
            await swept(fleet)
            server.add("new", job_of("new", 1000, RUNNING), at_top=True)
            gone = server.workflows_.pop(20).id
            await until(lambda: fleet.jobs("new"), seconds=60)
            assert fleet.workflows[0] == "new"
            await until(lambda: gone not in fleet.workflows, seconds=900)
            assert len(fleet.workflows) == 35

    run_skipping(main())


def test_cutting_the_sweep_leaves_the_rest_to_the_budget() -> None:
    async def main() -> None:
        server = ScriptedFleet(latency=1.0)
        server.fill(60)
        async with running(fleet_of(server)) as fleet:
            await until(lambda: fleet.progress[0] >= 8)
            fleet.cut_sweep()
            await until(lambda: not fleet.is_sweeping)
            assert fleet.progress[0] < 20
            begun = asyncio.get_running_loop().time()
            await until(lambda: fleet.progress == (60, 60))
            assert asyncio.get_running_loop().time() - begun > 40
            assert server.most_at_once <= 4

    run_skipping(main())


@pytest.mark.parametrize(
    "error",
    [
        UnreachableError("No connection."),
        FailedAnswerError("It failed."),
        OverloadedError("Slow down.", retry_after=40),
    ],
)
def test_an_outage_is_waited_out_and_nothing_shown_is_lost(error: Any) -> None:
    async def main() -> None:
        server = ScriptedFleet()
        server.fill(30)
        server.fill(2, RUNNING)
        async with running(fleet_of(server)) as fleet:
            await swept(fleet)
            before = {each: fleet.jobs(each) for each in fleet.workflows}
            server.down = error
            await until(lambda: fleet.problem is error)
            opened = len(server.asked)
            await asyncio.sleep(300)
            tried = len(server.asked) - opened
            assert 3 <= tried <= 20
            if error.retry_after:
                at = [each for each, _ in server.asked[opened:]]
                assert all(b - a >= 40 for a, b in pairwise(at))
            assert {each: fleet.jobs(each) for each in fleet.workflows} == before
            assert fleet.seconds_to_next() is not None
            server.down = None
            await until(lambda: fleet.problem is None, seconds=120)

    run_skipping(main())


def test_the_next_try_is_now_while_one_is_under_way_and_only_then() -> None:
    async def main() -> None:
        server = ScriptedFleet(latency=4.0)
        server.fill(5)
        async with running(fleet_of(server, requests_per_minute=6)) as fleet:
            await swept(fleet)
            server.down = UnreachableError("No connection.")
            await until(lambda: fleet.problem)
            told = set()
            for _ in range(200):
                await asyncio.sleep(0.77)
                told.add((server.at_once > 0, fleet.seconds_to_next() == 0))
            assert told == {(True, True), (False, False)}

    run_skipping(main())


def test_a_sweep_goes_on_where_an_outage_stopped_it() -> None:
    async def main() -> None:
        server = ScriptedFleet(latency=0.5)
        server.fill(40)
        async with running(fleet_of(server)) as fleet:
            await until(lambda: fleet.progress[0] >= 10)
            server.down = UnreachableError("No connection.")
            await until(lambda: fleet.problem is not None)
            await asyncio.sleep(120)
            assert len(server.asked) < 70
            server.down = None
            await until(lambda: fleet.progress == (40, 40))

    run_skipping(main())


def test_one_workflow_that_cannot_be_read_stops_no_other() -> None:
    async def main() -> None:
        server = ScriptedFleet()
        server.fill(30)
        broken, hidden = server.workflows_[2].id, server.workflows_[7].id
        server.failing[broken] = FailedAnswerError("It failed.")
        server.failing[hidden] = NotAllowedError("Not yours.")
        async with running(fleet_of(server)) as fleet:
            await swept(fleet)
            assert fleet.progress == (28, 30)
            assert isinstance(fleet.trouble(broken), FailedAnswerError)
            assert isinstance(fleet.trouble(hidden), NotAllowedError)
            assert fleet.age(broken) is None
            assert fleet.health(broken) is None
            await asyncio.sleep(600)
            assert server.count(broken) < 40
            server.failing.clear()
            await until(lambda: fleet.progress == (30, 30))

    run_skipping(main())


def test_a_sign_in_is_waited_for() -> None:
    async def main() -> None:
        server = ScriptedFleet()
        server.fill(10)
        async with running(fleet_of(server)) as fleet:
            await swept(fleet)
            server.down = NotSignedInError("Your session has ended.")
            await until(lambda: fleet.problem is not None)
            opened = len(server.asked)
            await asyncio.sleep(50)
            assert len(server.asked) == opened
            server.down = None
            fleet.signed_in()
            await until(lambda: fleet.problem is None, seconds=10)

    run_skipping(main())


def test_what_runs_behind_the_newest_page_is_found_and_followed_to_its_end() -> None:
    async def main() -> None:
        server = ScriptedFleet()
        jobs = [job_of("busy", 1000 - n, minutes=1) for n in range(40)]
        jobs[25] = job_of("busy", 975, RUNNING, minutes=1)
        jobs[30] = job_of("busy", 970, FAILED, minutes=1)
        server.add("busy", *jobs)
        server.fill(3)
        async with running(fleet_of(server)) as fleet:
            await swept(fleet)
            assert [job.id for job in fleet.jobs("busy")] == [j.id for j in jobs[:10]]
            await until(lambda: len(fleet.jobs("busy")) == 12)
            found = fleet.jobs("busy")[10:]
            assert [job.id for job in found] == ["busy-975", "busy-970"]
            assert fleet.has_failed_lately(found[1])
            health = fleet.health("busy")
            assert health is not None
            assert health.failures == 0
            # Its end is read, although no newest page ever shows it.
            server.jobs_["busy"][25] = job_of("busy", 975, minutes=1)
            await until(lambda: fleet.jobs("busy")[10].has_ended, seconds=120)
            assert fleet.jobs("busy")[10].attempts == 1

    run_skipping(main())


def test_newest_pages_join_without_a_gap_or_begin_anew() -> None:
    async def main() -> None:
        server = ScriptedFleet()
        jobs = [job_of("w", 1000 - n, minutes=1600) for n in range(30)]
        server.add("w", *jobs[5:])
        async with running(fleet_of(server)) as fleet:
            await swept(fleet)
            server.jobs_["w"] = jobs
            await until(lambda: fleet.jobs("w")[0].id == jobs[0].id)
            assert list(fleet.jobs("w")) == jobs[:15]
            # More came than a page holds: what was known no longer adjoins.
            newer = [job_of("w", 1020 - n, minutes=1600) for n in range(20)]
            server.jobs_["w"] = newer + jobs
            await until(lambda: fleet.jobs("w")[0].id == newer[0].id)
            assert list(fleet.jobs("w")) == newer[:10]

    run_skipping(main())


def test_health_and_the_usual_duration() -> None:
    async def main() -> None:
        server = ScriptedFleet()
        server.add(
            "w",
            job_of("w", 1000, RUNNING),
            job_of("w", 999, FAILED, seconds=5),
            job_of("w", 998, FAILED, seconds=5),
            job_of("w", 997, seconds=100),
            job_of("w", 996, seconds=300),
            job_of("w", 995, seconds=120),
        )
        async with running(fleet_of(server)) as fleet:
            assert fleet.health("w") is None
            await swept(fleet)
            health = fleet.health("w")
        assert health is not None
        assert health.outcomes == (COMPLETED, COMPLETED, FAILED, FAILED, RUNNING)
        assert (health.running, health.failures) == (1, 2)
        assert fleet.usual_seconds("w") == 120
        assert fleet.usual_seconds("nobody") is None

    run_skipping(main())


def test_what_is_looked_for_is_asked_of_the_wanted_ones_once() -> None:
    async def main() -> None:
        server = ScriptedFleet()
        canceled = JobFilter(status=JobStatus.CANCELED)
        for name in ("has", "none", "unwanted", "short"):
            server.add(name, *[job_of(name, 1000 - n, minutes=1600) for n in range(15)])
        server.jobs_["has"][12] = job_of("has", 988, JobStatus.CANCELED, minutes=1600)
        server.jobs_["short"] = server.jobs_["short"][:3]
        async with running(fleet_of(server)) as fleet:
            await swept(fleet)
            fits = {each: fleet.fits(each, canceled) for each in server.jobs_}
            assert fits == dict.fromkeys(server.jobs_) | {"short": False}
            fleet.want(["has", "none", "short"])
            fleet.look_for(canceled)
            await until(lambda: fleet.fits("has", canceled), seconds=60)
            await asyncio.sleep(120)
            assert fleet.fits("none", canceled) is False
            assert fleet.fits("unwanted", canceled) is None
        asked = [name for name, only in server.filters if only == canceled]
        assert sorted(asked) == ["has", "none"]

    run_skipping(main())


def test_what_failed_lately_is_found_page_by_page_while_the_rest_is_watched() -> None:
    async def main() -> None:
        server = ScriptedFleet()
        jobs = [job_of("busy", 1000 - n, FAILED, minutes=20) for n in range(100)]
        server.add("busy", *jobs)
        server.fill(20, RUNNING)
        async with running(fleet_of(server, poll_seconds=1.0)) as fleet:
            await swept(fleet)
            assert not fleet.knows_all(FAILED)
            fleet.want(fleet.workflows)
            await until(lambda: fleet.knows_all(FAILED), seconds=120)
            lately = [job for job in fleet.jobs("busy") if fleet.has_failed_lately(job)]
            assert len(lately) == 24 * 3 + 1
            # One that more come before than are kept stays as long as it is lately.
            for number in range(70):
                new = job_of("busy", 1001 + number, minutes=0.5)
                server.jobs_["busy"].insert(0, new)
                if number % 8 == 7:
                    await asyncio.sleep(30)
            assert sum(map(fleet.has_failed_lately, fleet.jobs("busy"))) == len(lately)

    run_skipping(main())


def test_what_was_read_before_the_machine_slept_is_old_and_read_again() -> None:
    async def main() -> None:
        server, slept = ScriptedFleet(), [0.0]
        server.fill(3)
        loop = asyncio.get_running_loop()
        clock = Clock(wall=lambda: NOW.timestamp() + loop.time() + slept[0])
        fleet = Fleet(server, clock=clock)
        async with running(fleet):
            await swept(fleet)
            await asyncio.sleep(7.0)
            ages = [fleet.age(each) or 0.0 for each in fleet.workflows]
            assert max(ages) < 20.0
            slept[0] = 3600.0
            assert min(fleet.age(each) or 0.0 for each in fleet.workflows) >= 3600.0
            await until(
                lambda: max(fleet.age(e) or 0.0 for e in fleet.workflows) < 60.0,
                seconds=30.0,
            )

    run_skipping(main())
