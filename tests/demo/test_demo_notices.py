"""Notifications and totals, as a server tells them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.clock import DemoClock
from chronotui.demo.world import WorkflowPlan

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.demo.server import DemoServer
    from tests.conftest import MakeDemo
    from tests.demo.conftest import PlainClient


@pytest.fixture
def demo(make_demo: MakeDemo) -> DemoServer:
    return make_demo(clock=DemoClock(speed=0), fleet=30)


@pytest.fixture
def client(
    demo: DemoServer, client_of: Callable[[DemoServer], PlainClient]
) -> PlainClient:
    return client_of(demo)


def test_failures_and_an_end_are_notified_newest_first(
    demo: DemoServer, client: PlainClient
) -> None:
    found = client.walk("/notifications", "notifications")
    assert len(found) > 20
    assert len({one["id"] for one in found}) == len(found)
    assert {one["kind"] for one in found} == {"WEB_ERROR", "WEB_ALERT"}
    told = [json.loads(one["payload"]) for one in found]
    ended = [one for one in told if one["entity_type"] == "WORKFLOW"]
    assert [one["entity_id"] for one in ended] == [demo.world.named("coupon-import").id]
    times = [one["created_at"] for one in found]
    assert times == sorted(times, reverse=True)


def test_what_the_user_prefers_is_told(demo: DemoServer, client: PlainClient) -> None:
    demo.world.preference = "NONE"
    assert client.get("/notifications").json() == {}
    demo.world.preference = "ALL"
    kinds = {one["kind"] for one in client.walk("/notifications", "notifications")}
    assert "WEB_SUCCESS" in kinds


def test_what_was_read_is_not_told_again(client: PlainClient) -> None:
    first, second, *_ = client.get("/notifications").json()["notifications"]
    for _ in range(2):
        read = client.ask("PUT", "/notifications", body={"ids": [first["id"]]})
        assert read.status == 204
    rest = client.get("/notifications").json()["notifications"]
    assert rest[0] == second


@pytest.mark.parametrize(
    ("body", "status"),
    [({"ids": []}, 400), ({}, 400), ([], 400), ({"ids": ["not-there"]}, 404)],
)
def test_what_cannot_be_marked_is_refused(
    client: PlainClient, body: object, status: int
) -> None:
    assert client.ask("PUT", "/notifications", body=body).status == status


def test_the_totals_of_a_workflow_are_those_of_its_jobs(
    demo: DemoServer, client: PlainClient
) -> None:
    workflow = demo.world.named("invoices-import")
    now = demo.world.clock.now_ns()
    totals = client.get(f"/analytics/{workflow.id}").json()
    jobs = list(workflow.jobs(now))
    assert totals["workflow_id"] == workflow.id
    assert totals["total_jobs"] == len(jobs) == 20
    assert totals["total_joblogs"] == sum(job.log.count(now) for job in jobs)
    assert 20 * 60 < totals["total_job_execution_duration"] < 20 * 180


def test_the_totals_of_all_are_the_sum_and_a_new_workflow_has_none(
    demo: DemoServer, client: PlainClient
) -> None:
    ids = [workflow.id for workflow in demo.world.workflows]
    answers = [client.get(f"/analytics/{one}") for one in ids]
    totals = client.get("/analytics").json()
    assert totals["total_workflows"] == 30
    jobs = [each.json()["total_jobs"] for each in answers if each.status == 200]
    assert totals["total_jobs"] == sum(jobs)
    new = demo.world.add_workflow(WorkflowPlan("new", "sweep", 60, 0, 0))
    assert client.get(f"/analytics/{new.id}").status == 404
