"""Workflows and jobs: lists and details."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from chronotui.demo.cursor import decode_cursor, encode_cursor
from chronotui.demo.message import json_value
from chronotui.demo.service import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.demo.message import Answer
    from chronotui.demo.runs import DemoJob
    from chronotui.demo.service import Call
    from chronotui.demo.workflow import DemoWorkflow

_BUILDS = ("QUEUED", "STARTED", "COMPLETED", "FAILED", "CANCELED")


def cursor_place(call: Call, kinds: tuple[type, ...]) -> list[Any] | None:
    """Return the place the request's cursor names, None without one.

    Raises:
        RefusedError: 400 for a cursor that is none, or is another list's.
    """
    cursor = call.request.query.get("cursor")
    if not cursor:
        return None
    try:
        place = decode_cursor(cursor)
    except ValueError:
        raise RefusedError(400, "invalid cursor") from None
    if tuple(type(part) for part in place) != kinds:
        raise RefusedError(400, "invalid cursor")
    return place


def list_workflows(call: Call) -> Answer:
    """Answer ``GET /workflows``.

    A current server lists terminated ones among the others, alone if asked for them;
    a documented one lists them only then (wire note "Workflows").
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


def get_workflow(call: Call) -> Answer:
    """Answer ``GET /workflows/{id}``."""
    return json_value(
        call.service.dialect.workflow(call.workflow(), call.now_ns, detail=True)
    )


def list_jobs(call: Call) -> Answer:
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


def get_job(call: Call) -> Answer:
    """Answer ``GET /workflows/{id}/jobs/{id}``."""
    state = call.job().state(call.now_ns)
    return json_value(call.service.dialect.job(state, listed=False))
