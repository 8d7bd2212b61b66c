"""Every field of a job and its workflow, as text to draw."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from chronotui.core.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chronotui.model import Job, Workflow

Kind = Literal["title", "field", "text", "note", "alarm"]
LABELS: Final = {
    "id": "id",
    "workflow_id": "workflow",
    "container_id": "container",
    "interval": "every (minutes)",
    "consecutive_job_failures_count": "failures in a row",
    "max_consecutive_job_failures_allowed": "failures allowed",
    "log_retention": "log retention",
    "build_status": "build",
    "scheduled_at": "scheduled",
    "started_at": "started",
    "completed_at": "completed",
    "created_at": "created",
    "updated_at": "updated",
    "terminated_at": "terminated",
}
NOTHING: Final = "Nothing is selected. Move in the tree with j and k."
FIRST: Final = ("status", "trigger", "name", "kind", "attempts", "id")


@dataclass(frozen=True, slots=True)
class DetailRow:
    """One row: a title, a labelled value, a line of text, a note or an alarm."""

    kind: Kind
    label: str
    value: str = ""


def details_of(
    workflow: Workflow | None, job: Job | None, *, note: str = "", alarm: str = ""
) -> list[DetailRow]:
    """Return the rows for the selected workflow and, when there is one, its job.

    Args:
        workflow: The workflow.
        job: Its job.
        note: What the selected row says itself, where it is neither.
        alarm: What stands between the desk and the server.
    """
    rows: list[DetailRow] = []
    if alarm:
        rows += [DetailRow("alarm", clean(alarm)), DetailRow("text", "")]
    if job is not None:
        rows.append(DetailRow("title", "Job"))
        rows += _fields(job.fields)
    if workflow is not None:
        if job is not None:
            rows.append(DetailRow("text", ""))
        rows.append(DetailRow("title", "Workflow"))
        rows += _fields({k: v for k, v in workflow.fields.items() if k != "payload"})
        rows += _log_policy(workflow)
        if workflow.payload:
            rows += [DetailRow("text", ""), DetailRow("title", "Payload")]
            rows += [DetailRow("text", line) for line in pretty_lines(workflow.payload)]
    if not rows:
        rows.append(DetailRow("note", clean(note) or NOTHING))
    return rows


def _log_policy(workflow: Workflow) -> Iterator[DetailRow]:
    if workflow.kind == "HEARTBEAT":
        yield DetailRow("note", "A HEARTBEAT workflow never has logs.")


def _fields(fields: Mapping[str, object]) -> list[DetailRow]:
    """Return the server's fields: the telling ones first, then the rest."""
    names = [name for name in FIRST if name in fields]
    names += [name for name in fields if name not in FIRST]
    return [
        DetailRow("field", clean(LABELS.get(name, name)), _value(fields[name]))
        for name in names
    ]


def _value(value: object) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return clean(value if isinstance(value, str) else json.dumps(value))


@lru_cache(maxsize=8)
def pretty_lines(payload: str) -> tuple[str, ...]:
    """Return the payload indented when it is JSON, else its own lines; all clean.

    The last ones are kept: a workflow's payload is shown with each of its jobs.
    """
    try:
        text = json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = payload
    return tuple(clean(line) for line in text.splitlines())
