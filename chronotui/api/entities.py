"""Workflows and jobs out of the server's objects (wire notes "Workflows", "Jobs")."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chronotui.api.json_bodies import (
    Object,
    flag,
    integer,
    objects,
    read_object,
    text,
    unreadable,
)
from chronotui.api.stamps import moment
from chronotui.model import (
    BuildStatus,
    Job,
    JobStatus,
    Page,
    Trigger,
    Workflow,
    WorkflowKind,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

UNSAID = "UNKNOWN"
"""Stands for a state, kind or trigger the server left out."""


def read_workflow(body: bytes) -> Workflow:
    """Decode one workflow.

    Raises:
        UnreadableAnswerError: It is no object, or has no id.
    """
    return _workflow(read_object(body, "the workflow"))


def read_workflows(body: bytes) -> Page[Workflow]:
    """Decode a page of the workflow list.

    Raises:
        UnreadableAnswerError: The page, or an entry of it, is broken.
    """
    answer = read_object(body, "the workflow list")
    items = objects(answer, "workflows", "the workflow list")
    return Page(tuple(_workflow(item) for item in items), read_cursor(answer))


def read_job(body: bytes, workflow_id: str) -> Job:
    """Decode one job; ``workflow_id`` stands in when the answer has none.

    Raises:
        UnreadableAnswerError: It is no object, or has no id.
    """
    return _job(read_object(body, "the job"), workflow_id)


def read_jobs(body: bytes, workflow_id: str) -> Page[Job]:
    """Decode a page of the job list.

    Raises:
        UnreadableAnswerError: The page, or an entry of it, is broken.
    """
    answer = read_object(body, "the job list")
    items = objects(answer, "jobs", "the job list")
    return Page(tuple(_job(item, workflow_id) for item in items), read_cursor(answer))


def read_cursor(answer: Mapping[str, object]) -> str | None:
    """Return the cursor to the next page, None at the end."""
    return text(answer, "cursor") or None


def _workflow(fields: Object) -> Workflow:
    build_status = text(fields, "build_status")
    return Workflow(
        id=_id(fields, "a workflow"),
        name=text(fields, "name"),
        kind=WorkflowKind.parse(text(fields, "kind") or UNSAID),
        payload=_payload(fields.get("payload")),
        build_status=BuildStatus.parse(build_status) if build_status else None,
        interval_minutes=integer(fields, "interval"),
        consecutive_failures=integer(fields, "consecutive_job_failures_count") or 0,
        max_consecutive_failures=integer(
            fields, "max_consecutive_job_failures_allowed"
        ),
        log_retention=flag(fields, "log_retention"),
        generation=integer(fields, "generation"),
        created_at=moment(fields.get("created_at")),
        updated_at=moment(fields.get("updated_at")),
        terminated_at=moment(fields.get("terminated_at")),
        fields=fields,
    )


def _job(fields: Object, workflow_id: str) -> Job:
    return Job(
        id=_id(fields, "a job"),
        workflow_id=text(fields, "workflow_id") or workflow_id,
        status=JobStatus.parse(text(fields, "status") or UNSAID),
        trigger=Trigger.parse(text(fields, "trigger") or UNSAID),
        container_id=text(fields, "container_id") or None,
        attempts=integer(fields, "attempts"),
        scheduled_at=moment(fields.get("scheduled_at")),
        started_at=moment(fields.get("started_at")),
        completed_at=moment(fields.get("completed_at")),
        created_at=moment(fields.get("created_at")),
        updated_at=moment(fields.get("updated_at")),
        fields=fields,
    )


def _id(fields: Object, what: str) -> str:
    found = text(fields, "id")
    if not found:
        raise unreadable(what, "it has no id")
    return found


def _payload(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)
