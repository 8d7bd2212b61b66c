"""The user, notifications and totals."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from chronotui.demo.catalog_routes import cursor_place
from chronotui.demo.clock import SECOND
from chronotui.demo.cursor import encode_cursor
from chronotui.demo.dialect import rfc3339
from chronotui.demo.dice import number_of
from chronotui.demo.message import Answer, json_value, plain
from chronotui.demo.workflow import make_id

if TYPE_CHECKING:
    from chronotui.demo.runs import DemoJob
    from chronotui.demo.service import Call
    from chronotui.demo.workflow import DemoWorkflow


def login(call: Call) -> Answer:
    """Answer ``POST /auth/login``."""
    return call.service.accounts.login(call.request)


def register(call: Call) -> Answer:
    """Answer ``POST /auth/register``."""
    return call.service.accounts.register(call.request)


def validate(call: Call) -> Answer:
    """Answer ``POST /auth/validate``."""
    return call.service.accounts.validate(call.request)


def logout(call: Call) -> Answer:
    """Answer ``POST /auth/logout``."""
    return call.service.accounts.logout(call.request)


def get_user(call: Call) -> Answer:
    """Answer ``GET /users``."""
    session = call.service.accounts.session(call.request)
    made = rfc3339(call.world.clock.start_ns - 90 * 86400 * SECOND)
    return json_value(
        {
            "email": session.email if session else "demo@example.com",
            "notification_preference": "ALL",
            "created_at": made,
            "updated_at": made,
        }
    )


def change_user(call: Call) -> Answer:
    """Answer ``PUT /users``."""
    try:
        wish = call.request.json().get("notification_preference")
    except ValueError:
        wish = None
    return Answer(204) if wish in ("ALL", "NONE") else plain(400, "invalid preference")


def list_notifications(call: Call) -> Answer:
    """Answer ``GET /notifications``: one for each of the latest failures."""
    place = cursor_place(call, (int,))
    skip, size = (place[0] if place else 0), call.service.page_size
    failed = [
        job
        for workflow in call.world.workflows
        for job in islice(workflow.jobs(call.now_ns), 50)
        if job.status(call.now_ns) == "FAILED"
    ]
    failed.sort(key=lambda job: job.completed_ns or 0, reverse=True)
    rows = [_notification(call, job) for job in failed[skip : skip + size]]
    cursor = encode_cursor(skip + size) if len(failed) > skip + size else ""
    fields = {"notifications": rows, "cursor": cursor}
    return json_value(call.service.dialect.object(fields))


def _notification(call: Call, job: DemoJob) -> dict[str, Any]:
    own_id = make_id(number_of(job.id), number_of(job.id))
    ended = rfc3339(job.completed_ns or 0)
    read_ns = call.service.read_ns.get(own_id)
    fields = {
        "id": own_id,
        "kind": "WEB_ALERT",
        "payload": f'{{"title":"Job failed","entity_id":"{job.id}"}}',
        "created_at": ended,
        "updated_at": ended,
        "read_at": "" if read_ns is None else rfc3339(read_ns),
    }
    return call.service.dialect.object(fields)


def mark_notifications(call: Call) -> Answer:
    """Answer ``PUT /notifications``."""
    try:
        ids = call.request.json().get("ids")
    except ValueError:
        ids = None
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        return plain(400, "invalid ids")
    call.service.read_ns.update(dict.fromkeys(ids, call.now_ns))
    return Answer(204)


def _totals(call: Call, workflow: DemoWorkflow) -> dict[str, Any]:
    recent = list(islice(workflow.jobs(call.now_ns), 200))
    seconds = sum(
        ((job.completed_ns or call.now_ns) - job.attempt_starts_ns[0]) // SECOND
        for job in recent
        if job.attempts(call.now_ns)
    )
    lines = sum(job.log.count(call.now_ns) for job in recent)
    return {
        "total_job_execution_duration": seconds,
        "total_jobs": len(recent),
        "total_joblogs": lines,
    }


def user_totals(call: Call) -> Answer:
    """Answer ``GET /analytics``, counting the latest 200 jobs of each workflow."""
    each = [_totals(call, workflow) for workflow in call.world.workflows]
    sums = {name: sum(one[name] for one in each) for name in each[0]} if each else {}
    fields = {"total_workflows": len(each), **sums}
    return json_value(call.service.dialect.object(fields))


def workflow_totals(call: Call) -> Answer:
    """Answer ``GET /analytics/{id}``, counting its latest 200 jobs."""
    workflow = call.workflow()
    fields = {"workflow_id": workflow.id, **_totals(call, workflow)}
    return json_value(call.service.dialect.object(fields))
