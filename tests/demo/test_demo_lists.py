"""Workflows and jobs as the demo lists them, in both dialects."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

import pytest

from chronotui.demo.routes import Dialect

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.demo.server import DemoServer
    from tests.conftest import MakeDemo
    from tests.demo.conftest import PlainClient

    ClientOf: TypeAlias = Callable[[DemoServer], PlainClient]
    Address: TypeAlias = Callable[..., str]


@pytest.mark.parametrize("dialect", Dialect)
def test_the_workflows_come_ten_a_page_and_terminated_ones_alone_when_asked(
    make_demo: MakeDemo, client_of: ClientOf, dialect: Dialect
) -> None:
    client = client_of(make_demo(dialect=dialect))
    first = client.get("/workflows").json()
    assert len(first["workflows"]) == 10
    assert set("+/=") <= set(first["cursor"])
    names = [row["name"] for row in client.walk("/workflows", "workflows")]
    listed = dialect is Dialect.CURRENT
    assert len(names) == 14 + listed
    assert ("legacy-sync" in names) == listed
    assert names == [
        row["name"]
        for row in client.walk("/workflows", "workflows", terminated="false")
    ]
    gone = client.walk("/workflows", "workflows", terminated="true")
    assert [row["name"] for row in gone] == ["legacy-sync"]
    assert gone[0]["terminated_at"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"query": "REPORT"}, ["nightly-report"]),
        ({"kind": "HEARTBEAT"}, ["heartbeat-api", "heartbeat-db"]),
        ({"build_status": "STARTED"}, ["thumbnails-v2"]),
        ({"query": "no such name"}, []),
    ],
)
def test_workflows_are_filtered(
    demo: DemoServer, client_of: ClientOf, query: dict[str, str], names: list[str]
) -> None:
    rows = client_of(demo).walk("/workflows", "workflows", **query)
    assert [row["name"] for row in rows] == names


@pytest.mark.parametrize(
    "query",
    [
        {"kind": "CRON"},
        {"terminated": "maybe"},
        {"terminated": "true", "build_status": "FAILED"},
        {"cursor": "x"},
        {"cursor": "AAAA"},
    ],
)
def test_a_wrong_filter_is_a_400_in_plain_text(
    demo: DemoServer, client_of: ClientOf, query: dict[str, str]
) -> None:
    reply = client_of(demo).get("/workflows", **query)
    assert reply.status == 400
    assert reply.header("Content-Type") == "text/plain; charset=utf-8"
    assert reply.text.count("\n") == 1


def test_an_empty_list_is_an_empty_object(
    demo: DemoServer, client_of: ClientOf
) -> None:
    client = client_of(demo)
    assert client.get("/workflows", query="nothing").json() == {}
    workflow = demo.world.named("thumbnails")
    assert client.get(f"/workflows/{workflow.id}/jobs").json() == {}


def test_the_documented_dialect_writes_empty_texts(
    documented_demo: DemoServer, client_of: ClientOf
) -> None:
    page = client_of(documented_demo).get("/workflows", query="nothing").json()
    assert page == {"workflows": [], "cursor": ""}


def test_ten_thousand_jobs_are_walked_newest_first_without_a_double(
    demo: DemoServer, client_of: ClientOf
) -> None:
    workflow = demo.world.named("queue-sweeper")
    jobs = list(workflow.jobs(demo.world.clock.now_ns()))
    assert len(jobs) >= 10_000
    assert len({job.id for job in jobs}) == len(jobs)
    rows = client_of(demo).walk(
        f"/workflows/{workflow.id}/jobs", "jobs", status="CANCELED"
    )
    assert 1 < len(rows) < 100
    times = [row["scheduled_at"] for row in rows]
    assert times == sorted(times, reverse=True)


def test_every_state_and_trigger_is_there(
    demo: DemoServer, client_of: ClientOf
) -> None:
    client = client_of(demo)
    states: Counter[str] = Counter()
    for name in ("nightly-report", "etl-orders", "image-build", "event-consumer"):
        workflow = demo.world.named(name)
        rows = client.walk(f"/workflows/{workflow.id}/jobs", "jobs")
        states.update(row["status"] for row in rows)
        assert rows[0]["status"] == "RUNNING"
        states.update(row["trigger"] for row in rows)
    waiting = demo.world.newest_job("cleanup-tmp")
    assert waiting.status(demo.world.clock.now_ns()) == "QUEUED"
    assert set(states) >= {"COMPLETED", "FAILED", "CANCELED", "AUTOMATIC", "MANUAL"}


def test_each_dialect_knows_its_own_spelling(
    demo: DemoServer, documented_demo: DemoServer, client_of: ClientOf
) -> None:
    path = f"/workflows/{demo.world.named('backup-db').id}/jobs"
    ours = {
        (server.dialect.value, word): client_of(server).get(path, status=word).status
        for server in (demo, documented_demo)
        for word in ("CANCELED", "CANCELLED", "QUEUED")
    }
    assert ours == {
        ("current", "CANCELED"): 200,
        ("current", "CANCELLED"): 400,
        ("current", "QUEUED"): 200,
        ("documented", "CANCELED"): 400,
        ("documented", "CANCELLED"): 200,
        ("documented", "QUEUED"): 400,
    }
    row = client_of(documented_demo).get(path, status="CANCELLED").json()["jobs"][0]
    assert row["status"] == "CANCELLED"


def test_a_job_read_alone_has_no_attempts(
    demo: DemoServer, client_of: ClientOf, address: Address
) -> None:
    client = client_of(demo)
    job = demo.world.newest_job("nightly-report")
    listed = client.get(f"/workflows/{job.workflow_id}/jobs").json()["jobs"][0]
    alone = client.get(address(job)).json()
    assert listed["attempts"] == 2
    assert set(listed) - set(alone) == {"attempts", "container_id"}
    assert "completed_at" not in alone


def test_a_documented_running_job_has_an_empty_end(
    documented_demo: DemoServer, client_of: ClientOf
) -> None:
    job = documented_demo.world.newest_job("etl-orders")
    rows = client_of(documented_demo).get(f"/workflows/{job.workflow_id}/jobs").json()
    assert rows["jobs"][0]["completed_at"] == ""
    assert "attempts" not in rows["jobs"][0]


def test_what_is_not_there_is_a_404(demo: DemoServer, client_of: ClientOf) -> None:
    client = client_of(demo)
    workflow = demo.world.named("etl-orders")
    for path in (
        "/workflows/nope",
        f"/workflows/{workflow.id}/jobs/nope",
        f"/workflows/{workflow.id}/jobs/{workflow.id}/logs",
        "/elsewhere",
    ):
        assert client.get(path).status == 404
    assert client.ask("POST", "/workflows/nope").status == 405


def test_worlds_of_one_seed_are_the_same(demo: DemoServer) -> None:
    from chronotui.demo.clock import DemoClock
    from chronotui.demo.world import World

    start = demo.world.clock.start_ns
    one, two = (
        World(seed=7, clock=DemoClock(start_ns=start, speed=0)) for _ in range(2)
    )
    three = World(seed=8, clock=DemoClock(start_ns=start, speed=0))
    jobs = [
        [
            (job.id, job.status(start), job.attempt_starts_ns, job.completed_ns)
            for workflow in world.workflows
            for job in islice(workflow.jobs(start), 100)
        ]
        for world in (one, two, three)
    ]
    assert jobs[0] == jobs[1] != jobs[2]
    job = one.newest_job("image-build")
    assert one.truth(job.id) == two.truth(job.id)
    assert one.truth(job.id)
