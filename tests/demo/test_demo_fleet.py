"""The fleet: how many there are, what goes wrong in them, and what is said of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.clock import SECOND, DemoClock, SeededRandom
from chronotui.demo.failures import FAILURES
from chronotui.demo.fleet import fleet_workflows
from chronotui.demo.kinds import DemoOptions, make_demo
from chronotui.demo.server import DemoServer
from chronotui.demo.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import MakeDemo
    from tests.demo.conftest import PlainClient


@pytest.fixture
def fleet() -> World:
    return World(clock=DemoClock(speed=0), plans=fleet_workflows(300))


def test_three_hundred_workflows_have_about_five_thousand_jobs(fleet: World) -> None:
    now = fleet.clock.now_ns()
    jobs = [job for workflow in fleet.workflows for job in workflow.jobs(now)]
    states = Counter(job.status(now) for job in jobs)
    assert len({workflow.plan.slug for workflow in fleet.workflows}) == 300
    assert 4500 < len(jobs) == len({job.id for job in jobs}) < 5500
    assert 15 < states["RUNNING"] < 60
    assert 50 < states["FAILED"] < 300
    assert states["COMPLETED"] > 4000
    for workflow in fleet.workflows:
        made = [job.created_ns for job in workflow.jobs(now)]
        assert min(made, default=workflow.created_ns) >= workflow.created_ns


@pytest.mark.parametrize("count", [0, 1, 7, 40, 2500])
def test_a_fleet_has_any_size_and_begins_with_what_there_is_to_tell(count: int) -> None:
    plans = fleet_workflows(count)
    assert len({plan.slug for plan in plans}) == len(plans) == count
    assert plans == fleet_workflows(2500)[:count]


def test_each_way_to_fail_is_the_end_of_some_newest_log(fleet: World) -> None:
    now = fleet.clock.now_ns()
    found = set()
    for workflow in fleet.workflows[:20]:
        job = next(workflow.jobs(now))
        if workflow.plan.failure and job.status(now) == "FAILED":
            lines = list(job.log.truth(now))
            good = next(
                one for one in workflow.jobs(now) if one.status(now) == "COMPLETED"
            )
            *_, newest = good.log.truth(now)
            assert newest.message == "Job completed successfully"
            assert any(line.stream == "stderr" for line in lines[-8:])
            assert len(lines) > 40
            found.add(workflow.plan.failure)
    assert found == set(FAILURES)


@pytest.mark.parametrize("name", FAILURES)
def test_no_failure_has_an_empty_line_or_one_with_a_break(name: str) -> None:
    phrases = list(FAILURES[name](SeededRandom(1)))
    assert all(message and "\n" not in message for _, message in phrases)
    assert phrases == list(FAILURES[name](SeededRandom(1)))


def test_one_is_slow_one_silent_and_one_tried_again(fleet: World) -> None:
    now = fleet.clock.now_ns()
    slow, silent, again = (
        fleet.newest_job(name)
        for name in ("warehouse-refresh", "mail-dispatch", "orders-reconcile")
    )
    assert {job.status(now) for job in (slow, silent, again)} == {"RUNNING"}
    assert now - slow.attempt_starts_ns[0] > 500 * SECOND
    assert again.attempts(now) == 2
    *_, newest = silent.log.truth(now)
    assert now - newest.time_ns > 300 * SECOND
    fleet.clock.advance(3600)
    assert silent.status(fleet.clock.now_ns()) == "RUNNING"
    assert silent.log.count(fleet.clock.now_ns()) == silent.log.count(now)


def test_a_workflow_is_terminated_after_the_failures_it_is_allowed(
    make_demo: MakeDemo, client_of: Callable[[DemoServer], PlainClient]
) -> None:
    clock = DemoClock(speed=0)
    demo = make_demo(clock=clock, fleet=30)
    client = client_of(demo)
    path = f"/workflows/{demo.world.named('partner-feed').id}"
    before = client.get(path).json()
    assert "terminated_at" not in before
    assert before["max_consecutive_job_failures_allowed"] == 3
    clock.advance(400)
    after = client.get(path).json()
    assert after["terminated_at"]
    assert after["consecutive_job_failures_count"] == 3
    jobs = client.get(f"{path}/jobs").json()["jobs"]
    assert [job["status"] for job in jobs[:3]] == ["FAILED"] * 3
    clock.advance(4000)
    assert client.get(f"{path}/jobs").json()["jobs"][0] == jobs[0]


def test_a_fleet_is_asked_for_by_its_size() -> None:
    demo = make_demo("chronoverse", DemoOptions(fleet=12))
    assert isinstance(demo, DemoServer)
    assert len(demo.world.workflows) == 12
    with pytest.raises(ValueError, match="--fleet"):
        make_demo("dify", DemoOptions(fleet=12))
