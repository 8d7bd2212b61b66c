"""What one command asks of all workflows, against a server in memory."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronotui.engine.sweep import (
    GIVE_UP,
    Overview,
    Unread,
    made_at,
    running_jobs,
)
from chronotui.errors import (
    ChronotuiError,
    FailedAnswerError,
    NotAllowedError,
    NotSignedInError,
    UnreachableError,
)
from chronotui.model import JobFilter, JobStatus
from tests.engine.scripted_fleet import NOW, ScriptedFleet, job_of
from tests.engine.skipped_time import run_skipping

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Value = TypeVar("Value")
RUNNING, FAILED = JobStatus.RUNNING, JobStatus.FAILED


async def ask(request: Callable[[], Awaitable[Value]]) -> Value:
    return await request()


def busy_server() -> ScriptedFleet:
    """One workflow a minute with jobs behind its first page, and quiet others."""
    server = ScriptedFleet()
    jobs = [job_of("busy", 1000 - n, minutes=1) for n in range(60)]
    jobs[0] = job_of("busy", 1000, RUNNING, minutes=1)
    jobs[31] = job_of("busy", 969, RUNNING, minutes=1)
    jobs[45] = job_of("busy", 955, FAILED, minutes=1)
    server.add("busy", *jobs)
    old = [job_of("old", 1000 - n, minutes=600) for n in range(30)]
    old[29] = job_of("old", 971, FAILED, minutes=600)
    server.add("old", *old)
    server.fill(12)
    return server


def test_what_runs_or_failed_behind_the_first_page_is_found() -> None:
    async def main() -> None:
        server = busy_server()
        overview = Overview(server, ask)
        since = NOW - timedelta(hours=24)
        running, failed = await overview.running_and_failed(since, NOW)
        assert [one.job.id for one in running] == ["busy-1000", "busy-969"]
        assert [one.job.id for one in failed] == ["busy-955"]
        assert overview.usual["old"] == 60
        # A first page that reaches back far enough is all that is asked.
        assert server.count("old") == 1
        assert server.count("busy") > 1
        assert server.most_at_once <= 4

    run_skipping(main())


def test_what_runs_is_asked_for_by_its_state_alone() -> None:
    async def main() -> None:
        server = busy_server()
        found = await running_jobs(server, ask)
        assert [one.job.id for one in found] == ["busy-1000", "busy-969"]
        assert {only for _name, only in server.filters} == {JobFilter(status=RUNNING)}
        assert len(server.filters) == len(server.workflows_)

    run_skipping(main())


@settings(max_examples=30)
@given(
    st.lists(st.lists(st.integers(0, 500), unique=True, max_size=25), max_size=8),
    st.integers(1, 60),
)
def test_the_newest_of_all_are_the_head_of_all(
    numbers: list[list[int]], limit: int
) -> None:
    async def main() -> None:
        server = ScriptedFleet(latency=0.001)
        for index, each in enumerate(numbers):
            name = f"w{index}"
            newest_first = sorted(each, reverse=True)
            server.add(name, *[job_of(name, number) for number in newest_first])
        every = await Overview(server, ask).every_job()
        newest, has_more = await Overview(server, ask).newest_jobs(limit)
        assert newest == every[:limit]
        assert has_more == (len(every) > limit)
        times = [made_at(one.job) for one in every]
        assert times == sorted(times, reverse=True)
        assert len(every) == sum(map(len, numbers))

    run_skipping(main())


def test_a_workflow_that_fails_is_named_and_the_others_come() -> None:
    async def main() -> None:
        server = busy_server()
        server.failing["old"] = NotAllowedError("Not yours.")
        server.failing[server.workflows_[5].id] = FailedAnswerError("It failed.")
        told: list[Unread] = []
        found = await running_jobs(server, ask, unread=told.append)
        assert len(found) == 2
        assert len(told) == 2

    run_skipping(main())


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        (NotSignedInError("Sign in."), 4),
        (UnreachableError("No connection."), 4),
        (FailedAnswerError("It failed."), GIVE_UP + 3),
    ],
)
def test_a_server_that_is_down_is_not_asked_for_each_workflow(
    error: ChronotuiError, asked: int
) -> None:
    async def main() -> None:
        server = ScriptedFleet()
        server.fill(40)
        server.failing = {each.id: error for each in server.workflows_}
        with pytest.raises(type(error)):
            await running_jobs(server, ask)
        jobs = [word for word in server.words() if not word.startswith("list")]
        assert len(jobs) <= asked

    run_skipping(main())
