"""What a demo server notifies its user of, and the totals it counts."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from chronotui.demo.clock import SECOND, make_id, number_of
from chronotui.demo.routes import (
    Call,
    RefusedError,
    cursor_place,
    encode_cursor,
    rfc3339,
    route,
)
from chronotui.demo.wire import DemoAnswer, json_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.demo.lines import DemoJob
    from chronotui.demo.world import DemoWorkflow, World

_DAY: Final = 86_400 * SECOND
_LOOKED_AT: Final = 20
_COUNTED: Final = 200
_KINDS: Final = {
    "FAILED": ("WEB_ERROR", "Job failed"),
    "COMPLETED": ("WEB_SUCCESS", "Job completed"),
    "CANCELED": ("WEB_INFO", "Job canceled"),
}
_ALERTS: Final = ("WEB_ERROR", "WEB_ALERT")


class Notice(NamedTuple):
    """A notification; ``entity_id`` is the id of what it is about."""

    created_ns: int
    id: str
    kind: str
    title: str
    message: str
    entity_id: str
    entity_type: str
    action_url: str

    @classmethod
    def of_job(cls, workflow: DemoWorkflow, job: DemoJob) -> Notice:
        kind, title = _KINDS[job.outcome]
        return cls(
            job.completed_ns or 0,
            make_id(number_of(job.id), number_of(job.id), 1),
            kind,
            title,
            f"A job of {workflow.plan.name} ended {job.outcome}.",
            job.id,
            "JOB",
            f"/workflows/{workflow.id}/jobs/{job.id}",
        )

    @classmethod
    def of_end(cls, workflow: DemoWorkflow, at_ns: int) -> Notice:
        """Tell that a workflow was terminated for its failures."""
        return cls(
            at_ns,
            make_id(number_of(workflow.id), number_of(workflow.id), 2),
            "WEB_ALERT",
            "Workflow terminated",
            f"{workflow.plan.name} was terminated after "
            f"{workflow.plan.allowed_failures} failures in a row.",
            workflow.id,
            "WORKFLOW",
            f"/workflows/{workflow.id}",
        )

    def fields(self) -> dict[str, Any]:
        payload = {
            "title": self.title,
            "message": self.message,
            "entity_id": self.entity_id,
            "entity_type": self.entity_type,
            "action_url": self.action_url,
        }
        return {
            "id": self.id,
            "kind": self.kind,
            "payload": json.dumps(payload, ensure_ascii=False),
            "created_at": rfc3339(self.created_ns),
            "updated_at": rfc3339(self.created_ns),
        }


def notices(world: World, now_ns: int) -> list[Notice]:
    """Return what is unread of the last day and preferred, newest first."""
    found = [notice for one in world.workflows for notice in _notices_of(one, now_ns)]
    unread = [
        one
        for one in found
        if one.id not in world.read_notices and _is_preferred(one, world)
    ]
    return sorted(unread, reverse=True)


def _is_preferred(notice: Notice, world: World) -> bool:
    return world.preference == "ALL" or (
        world.preference == "ALERTS" and notice.kind in _ALERTS
    )


def _notices_of(workflow: DemoWorkflow, now_ns: int) -> Iterator[Notice]:
    gives_up_ns = workflow.gives_up_ns
    if gives_up_ns is not None and gives_up_ns <= now_ns:
        yield Notice.of_end(workflow, gives_up_ns)
    for job in islice(workflow.jobs(now_ns), _LOOKED_AT):
        ended_ns = job.completed_ns
        if ended_ns is not None and now_ns - _DAY < ended_ns <= now_ns:
            yield Notice.of_job(workflow, job)


@route("GET", "notifications", "notifications", "failed to list notifications")
def list_notifications(call: Call) -> DemoAnswer:
    service = call.service
    found = notices(service.world, call.now_ns)
    place = cursor_place(call, (int, str))
    if place is not None:
        found = [one for one in found if (one.created_ns, one.id) < tuple(place)]
    shown = found[: service.page_size]
    more = len(found) > len(shown)
    cursor = encode_cursor(shown[-1].created_ns, shown[-1].id) if more else ""
    rows = [notice.fields() for notice in shown]
    return json_value(service.dialect.object({"notifications": rows, "cursor": cursor}))


@route("PUT", "notifications", "notifications", "failed to mark notifications as read")
def mark_as_read(call: Call) -> DemoAnswer:
    """Take a list of ids; marking one again is no error."""
    try:
        ids = call.request.json().get("ids")
    except ValueError:
        raise RefusedError(400, "invalid request body") from None
    if not isinstance(ids, list) or not ids or not all(isinstance(x, str) for x in ids):
        raise RefusedError(400, "invalid notification ids")
    world = call.service.world
    known = {one.id for one in notices(world, call.now_ns)} | world.read_notices
    if known.isdisjoint(ids):
        raise RefusedError(404, "notifications not found")
    world.read_notices |= known.intersection(ids)
    return DemoAnswer(204)


class Totals(NamedTuple):
    jobs: int
    lines: int
    seconds: int

    @classmethod
    def of(cls, workflow: DemoWorkflow, now_ns: int) -> Totals:
        """Count a workflow's jobs; all but the newest have the mean of these."""
        jobs = workflow.count(now_ns)
        looked_at = list(islice(workflow.jobs(now_ns), _COUNTED))
        share = jobs / max(1, len(looked_at))
        lines = sum(job.log.count(now_ns) for job in looked_at)
        seconds = sum(
            (job.completed_ns or 0) - job.attempt_starts_ns[0]
            for job in looked_at
            if job.has_ended(now_ns) and job.attempt_starts_ns
        )
        return cls(jobs, int(lines * share), int(seconds * share) // SECOND)

    def fields(self) -> dict[str, int]:
        return {
            "total_jobs": self.jobs,
            "total_joblogs": self.lines,
            "total_job_execution_duration": self.seconds,
        }


@route("GET", "analytics", "analytics", "failed to get analytics")
def all_totals(call: Call) -> DemoAnswer:
    world = call.service.world
    each = [Totals.of(workflow, call.now_ns) for workflow in world.workflows]
    totals = Totals(*map(sum, zip(*each, strict=True))) if each else Totals(0, 0, 0)
    fields = {"total_workflows": len(each), **totals.fields()}
    return json_value(call.service.dialect.object(fields))


@route("GET", "analytics/*", "workflow_analytics", "failed to get workflow analytics")
def workflow_totals(call: Call) -> DemoAnswer:
    workflow = call.workflow()
    totals = Totals.of(workflow, call.now_ns)
    if not totals.jobs:
        raise RefusedError(404, "analytics not found")
    fields: dict[str, Any] = {"workflow_id": workflow.id, **totals.fields()}
    return json_value(call.service.dialect.object(fields))
