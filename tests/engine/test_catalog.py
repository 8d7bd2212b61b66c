from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.faults import Failure
from chronotui.demo.routes import Dialect
from chronotui.demo.scripts import Script
from chronotui.demo.world import WorkflowPlan
from chronotui.engine.catalog import Catalog, CatalogSettings
from chronotui.engine.session import Session
from chronotui.engine.timing import WatchSettings
from chronotui.errors import (
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    RequestRefusedError,
    UsageError,
)
from chronotui.model import JobStatus, Trigger
from chronotui.sources.chronoverse import open_chronoverse
from chronotui.sources.protocol import BearerAuth, CookieAuth, SessionAuth
from chronotui.tree.filters import TreeFilters
from chronotui.tree.model import NodeKey, TreeNodeKind
from tests.engine.watch.test_watch_refusals import ANSWERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from chronotui.demo.server import DemoServer
    from chronotui.sources.chronoverse import Chronoverse
    from chronotui.tree.branch import Branch
    from tests.conftest import MakeDemo

FAST = CatalogSettings(poll_seconds=0.05, retry_first=0.05, retry_cap=0.2)
GROWING = CatalogSettings(poll_seconds=0.05, retry_first=0.05, retry_cap=60)


def client_of(demo: DemoServer) -> Chronoverse:
    async def session() -> str:
        return demo.open_session()[0]

    async def token() -> str:
        return demo.token

    documented = demo.dialect is Dialect.DOCUMENTED
    auth = BearerAuth(token) if documented else CookieAuth(session)
    return open_chronoverse(demo.url, auth)


@asynccontextmanager
async def client_for(demo: DemoServer) -> AsyncIterator[Chronoverse]:
    client = client_of(demo)
    try:
        yield client
    finally:
        await client.aclose()


@asynccontextmanager
async def running(
    demo: DemoServer, settings: CatalogSettings = FAST
) -> AsyncIterator[Catalog]:
    async with client_for(demo) as client:
        catalog = Catalog(client, settings=settings)
        task = asyncio.create_task(catalog.run())
        try:
            yield catalog
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(catalog: Catalog, condition: Callable[[], object]) -> None:
    """Wait for what the catalog tells its listeners to come true."""
    told = asyncio.Event()
    unsubscribe = catalog.subscribe(told.set)
    try:
        async with asyncio.timeout(20):
            while not condition():
                told.clear()
                await told.wait()
    finally:
        unsubscribe()


def branch_of(catalog: Catalog, demo: DemoServer, name: str) -> Branch:
    branch = catalog.tree.branch(demo.world.named(name).id)
    assert branch is not None
    return branch


async def listed(catalog: Catalog, demo: DemoServer, name: str) -> Branch:
    """Wait for a workflow to be listed."""
    workflow_id = demo.world.named(name).id

    def is_there() -> bool:
        catalog.want_more("")
        return catalog.tree.branch(workflow_id) is not None

    await until(catalog, is_there)
    return branch_of(catalog, demo, name)


async def unfolded(catalog: Catalog, demo: DemoServer, name: str) -> Branch:
    """Wait for a workflow, unfold it and wait for its first jobs."""
    branch = await listed(catalog, demo, name)
    catalog.set_expanded(branch.workflow.id, True)
    await until(catalog, lambda: branch.listing.answered)
    return branch


async def read_whole(catalog: Catalog, demo: DemoServer, name: str) -> Branch:
    branch = await unfolded(catalog, demo, name)

    def all_read() -> bool:
        if not branch.listing.complete:
            catalog.want_more(branch.workflow.id)
        return branch.listing.complete

    await until(catalog, all_read)
    return branch


def shown_names(catalog: Catalog) -> list[str]:
    tree = catalog.tree
    keys = (tree.rows.key(row) for row in range(len(tree.rows)))
    branches = (
        tree.branch(k.workflow_id) for k in keys if k.kind is TreeNodeKind.WORKFLOW
    )
    return [branch.workflow.name for branch in branches if branch is not None]


@pytest.mark.parametrize("kind", ["demo", "documented_demo"])
async def test_every_workflow_and_job_is_read_page_by_page(
    kind: str, request: pytest.FixtureRequest
) -> None:
    demo: DemoServer = request.getfixturevalue(kind)
    async with running(demo) as catalog:

        def all_read() -> bool:
            catalog.want_more("")
            return catalog.tree.workflows.complete

        await until(catalog, all_read)
        alive = [w.id for w in demo.world.workflows if w.terminated_ns is None]
        assert list(catalog.tree.workflows.ids) == alive
        branch = await read_whole(catalog, demo, "nightly-report")
        now = demo.world.clock.now_ns()
        true_ids = [j.id for j in demo.world.named("nightly-report").jobs(now)]
        assert list(branch.listing.ids) == true_ids
        assert len(branch.jobs) == len(true_ids)


async def test_only_expanded_workflows_are_asked_for_jobs(demo: DemoServer) -> None:
    async with running(demo) as catalog:
        branch = await unfolded(catalog, demo, "nightly-report")
        await until(catalog, lambda: demo.requests.count("jobs") >= 3)
        asked = {record.path for record in demo.requests.all("jobs")}
        assert asked == {f"/workflows/{branch.workflow.id}/jobs"}
        catalog.set_expanded(branch.workflow.id, False)
        await until(catalog, lambda: len(catalog._readers) == 1)


async def test_a_new_job_appears_on_top_and_the_selection_stays(
    demo: DemoServer,
) -> None:
    demo.world.add_job(Script(starts_in=-60, ends_after=1))
    async with running(demo) as catalog:
        branch = await unfolded(catalog, demo, "scripted")
        [old] = branch.listing.ids
        key = NodeKey.job(branch.workflow.id, old)
        catalog.tree.select(key)
        new = demo.world.add_job(Script())
        await until(catalog, lambda: new.id in branch.listing)
        assert list(branch.listing.ids) == [new.id, old]
        assert catalog.tree.selected == key


async def test_a_running_job_beyond_the_first_page_is_seen_to_end(
    make_demo: Callable[..., DemoServer],
) -> None:
    demo = make_demo(page_size=2)
    first = demo.world.add_job(Script())
    async with running(demo) as catalog:
        branch = await unfolded(catalog, demo, "scripted")
        for _ in range(5):
            demo.world.add_job(Script(ends_after=0))
        await until(catalog, lambda: len(branch.listing) == 6)
        assert branch.jobs[first.id].status == JobStatus.RUNNING
        first.end("FAILED")
        await until(catalog, lambda: branch.jobs[first.id].status == JobStatus.FAILED)
        assert not branch.jobs.unfinished


async def test_status_and_trigger_are_filtered_by_the_server(demo: DemoServer) -> None:
    async with running(demo) as catalog:
        whole = await read_whole(catalog, demo, "nightly-report")
        failed = [j.id for j in whole.jobs if j.status == JobStatus.FAILED]
        filters = TreeFilters(status=JobStatus.FAILED, trigger=Trigger.AUTOMATIC)
        catalog.set_filters(filters)
        at_once = list(whole.listing.ids)
        branch = await read_whole(catalog, demo, "nightly-report")
        assert at_once == list(branch.listing.ids)
        assert set(at_once) <= set(failed)
        queries = [record.query for record in demo.requests.all("jobs")]
        assert queries[-1]["status"] == "FAILED"
        assert queries[-1]["trigger"] == "AUTOMATIC"
        catalog.set_filters(TreeFilters())
        assert len(branch.listing) == len(branch.jobs)


async def test_canceled_jobs_are_found_in_either_spelling(
    documented_demo: DemoServer,
) -> None:
    async with running(documented_demo) as catalog:
        catalog.set_filters(TreeFilters(status=JobStatus.CANCELED))
        branch = await read_whole(catalog, documented_demo, "nightly-report")
        assert {j.status for j in branch.jobs} == {JobStatus.CANCELED}


async def test_a_state_the_server_does_not_know_is_said_and_asked_again_slower(
    documented_demo: DemoServer,
) -> None:
    async with running(documented_demo, GROWING) as catalog:
        catalog.set_filters(TreeFilters(status=JobStatus.QUEUED))
        branch = await listed(catalog, documented_demo, "nightly-report")
        catalog.set_expanded(branch.workflow.id, True)
        await until(catalog, lambda: branch.listing.problem)
        assert isinstance(branch.listing.problem, RequestRefusedError)
        assert catalog.seconds_to_next() is not None
        await until(catalog, lambda: documented_demo.requests.count("jobs") >= 6)
        at = [record.at for record in documented_demo.requests.all("jobs")]
        waits = [later - earlier for earlier, later in pairwise(at)]
        assert max(waits[-2:]) > 2 * min(waits[:2])


@pytest.mark.parametrize("route", ["workflows", "jobs"])
@pytest.mark.parametrize("phase", ["opening", "listing"])
@pytest.mark.parametrize("answer", ANSWERS)
async def test_a_refused_list_is_asked_again_until_it_is_answered(
    demo: DemoServer, answer: str, phase: str, route: str
) -> None:
    async with running(demo) as catalog:
        await until(catalog, lambda: catalog.tree.workflows.answered)
        branch = await listed(catalog, demo, "nightly-report")
        lists = {"workflows": catalog.tree.workflows, "jobs": branch.listing}
        if phase == "listing":
            catalog.set_expanded(branch.workflow.id, True)
            await until(catalog, lambda: branch.listing.answered)
        demo.faults.refuse(route=route, times=2, **ANSWERS[answer])
        catalog.set_expanded(branch.workflow.id, True)
        catalog.refresh()
        await until(catalog, lambda: lists[route].problem)
        assert catalog.seconds_to_next() is not None
        await until(catalog, lambda: not catalog.problem and branch.listing.answered)
        assert len(branch.listing)
        asked = demo.requests.count(route)
        await until(catalog, lambda: demo.requests.count(route) > asked)


async def test_a_fault_of_ours_is_said_and_read_again(
    demo: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client_for(demo) as client:
        session = Session(
            client, tree=FAST, watch=WatchSettings(), memory_bytes=1 << 20
        )
        session.start()
        await until(session.catalog, lambda: session.catalog.answered)
        with monkeypatch.context() as patched:
            patched.setattr(Catalog, "_start_due", lambda _: 1 // 0)
            session.catalog.refresh()
            await until(session.catalog, lambda: session.catalog.problem)
        assert "chronotui failed" in str(session.catalog.problem)
        session.ask_now(None)
        asked = demo.requests.count("workflows")
        await until(session.catalog, lambda: demo.requests.count("workflows") > asked)
        assert session.catalog.problem is None
        await session.close()


async def test_the_text_goes_to_the_servers_name_search(demo: DemoServer) -> None:
    async with running(demo) as catalog:
        await until(catalog, lambda: catalog.tree.workflows.answered)
        catalog.set_filters(TreeFilters(text=" report"))
        await until(catalog, lambda: catalog.tree.workflows.answered)
        assert shown_names(catalog) == ["nightly-report"]
        assert demo.requests.all("workflows")[-1].query["query"] == "report"


async def test_terminated_workflows_join_the_living_ones(demo: DemoServer) -> None:
    ended = demo.world.named("cleanup-tmp")
    ended.terminated_ns = demo.world.clock.now_ns()
    async with running(demo) as catalog:

        def all_read() -> bool:
            catalog.want_more("")
            return catalog.tree.workflows.complete

        await until(catalog, all_read)
        assert ended.id not in catalog.tree.workflows
        catalog.set_filters(TreeFilters(terminated=True))
        await until(catalog, all_read)
        assert {w.id for w in demo.world.workflows} == set(catalog.tree.workflows.ids)
        assert branch_of(catalog, demo, "cleanup-tmp").workflow.terminated_at


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_pages_of_terminated_workflows_do_not_end_the_list(
    make_demo: MakeDemo, dialect: Dialect
) -> None:
    demo = make_demo(dialect=dialect, page_size=3)
    for number in range(60):
        made = demo.world.add_workflow(
            WorkflowPlan(
                f"old-{number}", "etl", 60, 1, 60.0, f"old {number}",
                terminated_hours=1.0 if number % 30 else None,
            )
        )  # fmt: skip
    living = [w.id for w in demo.world.workflows if w.terminated_ns is None]
    assert made.id not in living
    async with running(demo) as catalog:

        def all_read() -> bool:
            catalog.want_more("")
            return catalog.tree.workflows.complete

        await until(catalog, all_read)
        assert list(catalog.tree.workflows.ids) == living
        assert not catalog.tree.workflows.looped
        catalog.set_filters(TreeFilters(terminated=True))
        await until(catalog, all_read)
        assert sorted(catalog.tree.workflows.ids) == sorted(
            w.id for w in demo.world.workflows
        )
        await catalog.find("old 0")
        await catalog.find("old 59")


async def test_an_empty_list_says_that_terminated_ones_are_hidden(
    demo: DemoServer,
) -> None:
    for one in demo.world.workflows:
        one.terminated_ns = demo.world.clock.now_ns()
    async with running(demo) as catalog:

        def noted() -> str:
            line = catalog.tree.rows.note(catalog.tree.rows.key(0))
            return "" if line is None else line.note.text

        await until(catalog, lambda: catalog.tree.workflows.complete)
        assert noted() == "No workflows but terminated ones; . shows them too."
        catalog.set_filters(TreeFilters(text="report"))
        await until(catalog, lambda: noted().startswith("Only terminated w"))


async def test_what_was_loaded_stays_while_the_server_fails(demo: DemoServer) -> None:
    async with running(demo) as catalog:
        branch = await unfolded(catalog, demo, "nightly-report")
        held = list(branch.listing.ids)
        demo.faults.fail_rate = 1.0
        demo.faults.fail_with = (Failure.HTML_502,)
        await until(catalog, lambda: branch.listing.problem)
        assert list(branch.listing.ids) == held
        assert catalog.problem is not None
        assert str(catalog.problem)
        demo.faults.fail_rate = 0.0
        await until(catalog, lambda: catalog.problem is None)


@pytest.mark.parametrize(
    "failure",
    [
        Failure.PLAIN_500,
        Failure.WAIT_429,
        Failure.TRUNCATED_JSON,
        Failure.WRONG_FIELDS,
        Failure.RESET,
        Failure.HOSTILE_500,
    ],
)
async def test_each_failure_passes_and_is_said_in_a_clean_sentence(
    demo: DemoServer, failure: Failure
) -> None:
    demo.faults.retry_after = "0"
    demo.faults.fail_rate = 1.0
    demo.faults.fail_with = (failure,)
    async with running(demo) as catalog:
        await until(catalog, lambda: catalog.problem)
        key = catalog.tree.rows.key(0)
        line = catalog.tree.rows.note(key)
        assert line is not None
        assert line.text.isprintable()
        assert len(line.text) > 10
        demo.faults.fail_rate = 0.0
        await until(catalog, lambda: catalog.tree.workflows.answered)
        assert catalog.problem is None


async def test_the_pauses_between_failing_requests_grow(demo: DemoServer) -> None:
    demo.faults.fail_rate = 1.0
    demo.faults.fail_with = (Failure.PLAIN_500,)
    async with running(demo, GROWING) as catalog:
        await until(catalog, lambda: demo.requests.count("workflows") >= 5)
        at = [record.at for record in demo.requests.all("workflows")]
        pauses = [b - a for a, b in pairwise(at)]
        assert pauses[3] > pauses[0]


async def test_a_session_that_ended_stops_the_polling_until_signed_in(
    demo: DemoServer,
) -> None:
    async def refused() -> str:
        return "not-a-session"

    client = open_chronoverse(demo.url, CookieAuth(refused))
    catalog = Catalog(client, settings=FAST)
    task = asyncio.create_task(catalog.run())
    await until(catalog, lambda: catalog.problem)
    assert isinstance(catalog.problem, NotSignedInError)
    count = demo.requests.count()
    for _ in range(20):
        await asyncio.sleep(0)
    assert demo.requests.count() == count
    catalog.refresh()
    await until(catalog, lambda: demo.requests.count() > count)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await client.aclose()


async def test_a_refresh_asks_again_after_a_wrong_password(demo: DemoServer) -> None:
    typed = iter(["wrong-password", demo.password])

    async def password() -> str:
        return next(typed)

    client = open_chronoverse(demo.url, SessionAuth(demo.email, password))
    catalog = Catalog(client, settings=FAST)
    task = asyncio.create_task(catalog.run())
    await until(catalog, lambda: catalog.signed_out)
    catalog.refresh()
    await until(catalog, lambda: catalog.tree.workflows.answered)
    assert catalog.problem is None
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await client.aclose()


async def test_a_workflow_one_may_not_see_is_said_at_its_own_list(
    demo: DemoServer,
) -> None:
    async with running(demo) as catalog:
        await until(catalog, lambda: catalog.tree.workflows.answered)
        demo.faults.fail_rate = 1.0
        demo.faults.fail_with = (Failure.FORBIDDEN,)
        demo.faults.fail_on = frozenset({"jobs"})
        workflow_id = catalog.tree.workflows.ids[0]
        catalog.set_expanded(workflow_id, True)
        branch = catalog.tree.branch(workflow_id)
        assert branch is not None
        await until(catalog, lambda: branch.listing.problem)
        assert isinstance(branch.listing.problem, NotAllowedError)
        assert catalog.tree.workflows.problem is None


async def test_one_request_at_a_time_for_a_list(demo: DemoServer) -> None:
    demo.faults.latency = (0.02, 0.02)
    async with running(demo) as catalog:
        branch = await unfolded(catalog, demo, "nightly-report")
        demo.requests.clear()
        for _ in range(50):
            catalog.want_more(branch.workflow.id)
            catalog.refresh()
        held = len(branch.listing)
        await until(catalog, lambda: len(branch.listing) > held)
        assert demo.requests.count("jobs") <= 3


async def test_answers_for_an_old_filter_are_dropped(demo: DemoServer) -> None:
    async with running(demo) as catalog:
        await until(catalog, lambda: catalog.tree.workflows.answered)
        demo.faults.latency = (0.1, 0.1)
        catalog.set_filters(TreeFilters(text="backup"))
        await until(catalog, lambda: demo.requests.count("workflows") >= 2)
        catalog.set_filters(TreeFilters(text="heartbeat"))
        await until(catalog, lambda: catalog.tree.workflows.answered)
        assert shown_names(catalog) == ["heartbeat-api", "heartbeat-db"]


async def test_a_filter_taken_back_and_set_again_at_once_is_answered(
    demo: DemoServer,
) -> None:
    async with running(demo) as catalog:
        branch = await unfolded(catalog, demo, "nightly-report")
        narrow = TreeFilters(text="nightly", status=JobStatus.COMPLETED)
        for filters in (narrow, TreeFilters(), narrow):
            catalog.set_filters(filters)
        listings = (catalog.tree.workflows, branch.listing)
        await until(catalog, lambda: all(listing.answered for listing in listings))
        assert shown_names(catalog) == ["nightly-report"]


async def test_a_listener_is_told_until_it_ends_that(demo: DemoServer) -> None:
    async with running(demo) as catalog:
        told: list[int] = []
        unsubscribe = catalog.subscribe(lambda: told.append(1))
        catalog.set_filters(TreeFilters(text="a"))
        assert not told
        await until(catalog, lambda: catalog.tree.workflows.answered)
        assert told
        unsubscribe()
        unsubscribe()
        told.clear()
        catalog.set_filters(TreeFilters(text="b"))
        await until(catalog, lambda: catalog.tree.workflows.answered)
        assert not told


async def test_a_deep_link_finds_by_id_beginning_and_name(demo: DemoServer) -> None:
    async with running(demo) as catalog:
        workflow = demo.world.named("nightly-report")
        jobs = list(workflow.jobs(demo.world.clock.now_ns()))
        oldest = jobs[-1]
        whole = NodeKey.job(workflow.id, oldest.id)
        assert await catalog.find(workflow.id, oldest.id) == whole
        assert catalog.tree.selected == whole
        assert await catalog.find("nightly-report", oldest.id[:10]) == whole
        assert await catalog.find(workflow.id[:9]) == NodeKey.workflow(workflow.id)
        branch = branch_of(catalog, demo, "nightly-report")
        await until(catalog, lambda: branch.listing.answered)
        assert oldest.id in branch.listing


async def test_what_fits_several_or_none_is_refused(demo: DemoServer) -> None:
    async with running(demo) as catalog:
        with pytest.raises(UsageError, match="No job is named"):
            await catalog.find("nightly-report", "")
        begun = [w.id[0] for w in demo.world.workflows if w.terminated_ns is None]
        shared = next(c for c in begun if begun.count(c) > 1)
        with pytest.raises(UsageError, match="fits several workflows") as refused:
            await catalog.find(shared)
        assert str(refused.value).endswith("Give more of the id.")
        with pytest.raises(NotFoundError, match="No workflow"):
            await catalog.find("no such thing")
        with pytest.raises(NotFoundError, match="No job of nightly-report"):
            await catalog.find("nightly-report", "zzzz")


async def test_two_workflows_of_one_name_are_told_apart(demo: DemoServer) -> None:
    first = demo.world.named("backup-db")
    duplicate = demo.world.add_workflow(replace(first.plan, slug="twin"))
    async with running(demo) as catalog:
        with pytest.raises(UsageError, match="backup-db") as refused:
            await catalog.find("backup-db")
        assert first.id in str(refused.value)
        assert duplicate.id in str(refused.value)
        duplicate.terminated_ns = demo.world.clock.now_ns()
        assert await catalog.find("backup-db") == NodeKey.workflow(first.id)
