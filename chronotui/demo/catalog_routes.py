"""Workflows and jobs: lists and details."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from chronotui.demo.service import RefusedError, cursor_place, encode_cursor
from chronotui.demo.wire import DemoAnswer, json_value
from chronotui.demo.workflow import WorkflowPlan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.demo.service import Call
    from chronotui.demo.workflow import DemoJob, DemoWorkflow

_BUILDS = ("QUEUED", "STARTED", "COMPLETED", "FAILED", "CANCELED")


def list_workflows(call: Call) -> DemoAnswer:
    """Answer ``GET /workflows``.

    A current server lists terminated ones among the others, alone if asked for them;
    a documented one lists them only then (WIRE.md "Workflows").
    """
    place = cursor_place(call, (int,))
    skip = place[0] if place else 0
    size = call.service.page_size
    found = list(islice(_matching(call), skip, skip + size + 1))
    dialect = call.service.dialect
    rows = [dialect.workflow(one, call.now_ns, detail=False) for one in found[:size]]
    cursor = encode_cursor(skip + size) if len(found) > size else ""
    return json_value(dialect.object({"workflows": rows, "cursor": cursor}))


def _matching(call: Call) -> Iterator[DemoWorkflow]:
    query = call.request.query
    kind = call.choice("kind", ("HEARTBEAT", "CONTAINER"))
    build = call.choice("build_status", _BUILDS)
    terminated = call.choice("terminated", ("true", "false")) == "true"
    if terminated and build:
        raise RefusedError(400, "terminated may not be combined with build_status")
    shown = {terminated}
    if call.service.dialect.is_current and not terminated:
        shown = {True, False}
    words = query.get("query", "").casefold()
    if bool(query.get("interval_min")) != bool(query.get("interval_max")):
        raise RefusedError(400, "interval_min and interval_max go together")
    low = _minutes(query, "interval_min", 0)
    high = _minutes(query, "interval_max", 1 << 31)
    for workflow in call.world.workflows:
        plan = workflow.plan
        if (
            (workflow.terminated_ns is not None) in shown
            and kind in (None, plan.kind)
            and build in (None, plan.build_status)
            and words in plan.name.casefold()
            and low <= plan.interval <= high
        ):
            yield workflow


def _minutes(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not text.isdecimal():
        raise RefusedError(400, f"invalid {name}")
    return int(text)


def get_workflow(call: Call) -> DemoAnswer:
    """Answer ``GET /workflows/{id}``."""
    return json_value(
        call.service.dialect.workflow(call.workflow(), call.now_ns, detail=True)
    )


def list_jobs(call: Call) -> DemoAnswer:
    """Answer ``GET /workflows/{id}/jobs``, newest first."""
    workflow, dialect = call.workflow(), call.service.dialect
    status = call.choice("status", dialect.states())
    trigger = call.choice("trigger", ("AUTOMATIC", "MANUAL"))
    place = cursor_place(call, (int, int))
    jobs = workflow.jobs(call.now_ns, place[0] if place else None)
    found: list[DemoJob] = []
    size = call.service.page_size
    for job in jobs:
        if trigger in (None, job.trigger) and (
            status in (None, dialect.status(job.status(call.now_ns)))
        ):
            found.append(job)
            if len(found) > size:
                break
    rows = [dialect.job(job.state(call.now_ns), listed=True) for job in found[:size]]
    more = len(found) > size
    cursor = encode_cursor(found[size - 1].created_ns, 1) if more else ""
    return json_value(dialect.object({"jobs": rows, "cursor": cursor}))


def get_job(call: Call) -> DemoAnswer:
    """Answer ``GET /workflows/{id}/jobs/{id}``."""
    state = call.job().state(call.now_ns)
    return json_value(call.service.dialect.job(state, listed=False))


# Making, changing, ending and running workflows.


def _key(call: Call) -> str:
    key = call.request.headers.get("idempotency-key", "")
    if not key:
        raise RefusedError(400, "missing Idempotency-Key header")
    return key


def _wish(call: Call) -> dict[str, Any]:
    """Return the body of a change.

    Raises:
        RefusedError: 400 if a value is missing, or not allowed.
    """
    try:
        body = call.request.json()
    except ValueError:
        raise RefusedError(400, "invalid request body") from None
    texts = [body.get(name) for name in ("name", "payload")]
    if not all(isinstance(text, str) and text for text in texts):
        raise RefusedError(400, "invalid name or payload")
    for name, low, high in (
        ("interval", 1, 10080),
        ("max_consecutive_job_failures_allowed", 3, 100),
    ):
        value = body.get(name)
        if not isinstance(value, int) or not low <= value <= high:
            raise RefusedError(400, f"invalid {name}")
    return body


def create_workflow(call: Call) -> DemoAnswer:
    """Answer ``POST /workflows``; the image of a new one is still being built."""
    key, wish = _key(call), _wish(call)
    kind = wish.get("kind")
    if kind not in ("CONTAINER", "HEARTBEAT"):
        raise RefusedError(400, "invalid kind")
    slug = f"made:{key}"
    known = [one for one in call.world.workflows if one.plan.slug == slug]
    plan = WorkflowPlan(
        slug=slug,
        name=wish["name"],
        text="sweep",
        interval=wish["interval"],
        history=0,
        age=0,
        kind=kind,
        payload=wish["payload"],
        retention=bool(wish.get("log_retention")) and kind == "CONTAINER",
        build_status="QUEUED",
        created_days=0,
    )
    workflow = known[0] if known else call.world.add_workflow(plan)
    return json_value({"id": workflow.id}, status=201)


def update_workflow(call: Call) -> DemoAnswer:
    """Answer ``PUT /workflows/{id}``."""
    workflow, _, wish = call.workflow(), _key(call), _wish(call)
    workflow.plan = replace(workflow.plan, name=wish["name"], payload=wish["payload"])
    workflow.generation += 1
    return DemoAnswer(204)


def terminate_workflow(call: Call) -> DemoAnswer:
    """Answer ``PATCH /workflows/{id}``."""
    workflow = call.workflow()
    if workflow.terminated_ns is not None:
        raise RefusedError(412, "workflow is already terminated")
    workflow.terminated_ns = call.now_ns
    return DemoAnswer(204)


def delete_workflow(call: Call) -> DemoAnswer:
    """Answer ``DELETE /workflows/{id}``."""
    workflow = call.workflow()
    if workflow.terminated_ns is None:
        raise RefusedError(412, "workflow is not terminated")
    call.world.remove_workflow(workflow.id)
    return DemoAnswer(204)


def schedule_job(call: Call) -> DemoAnswer:
    """Answer ``POST /workflows/{id}/jobs/schedule``."""
    workflow, key = call.workflow(), _key(call)
    if workflow.terminated_ns is not None:
        raise RefusedError(412, "workflow is terminated")
    if workflow.plan.build_status != "COMPLETED":
        raise RefusedError(412, "workflow has not been built")
    return json_value({"id": call.world.schedule(workflow, key)}, status=201)
