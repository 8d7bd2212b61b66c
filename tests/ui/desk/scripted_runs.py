"""Runs of an app as a list brings them, without a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chronotui.model import Job, JobFilter, JobStatus, Trigger, Workflow, WorkflowKind
from chronotui.tree.filters import TreeSubject
from chronotui.tree.listing import ListPosition
from chronotui.tree.model import TreeModel

MOMENT = datetime(2026, 11, 29, 10, 12, 44, tzinfo=UTC)
WORDS = {
    "COMPLETED": "succeeded",
    "CANCELED": "stopped",
    "FAILED": "failed",
    "RUNNING": "running",
}
APP = Workflow(
    id="app",
    name="Nightly ETL",
    kind=WorkflowKind("workflow"),
    labels=("workflow", "dify 1.14.2"),
    fields={"name": "Nightly ETL", "description": "", "mode": "workflow"},
)


def scripted_run(
    number: int,
    status: str = "COMPLETED",
    *,
    elapsed: float = 4.8,
    tokens: int = 912,
    error: str = "",
    by: str = "nightly-etl",
    detail: dict[str, object] | None = None,
    **changes: object,
) -> Job:
    """Return the run that began ``number`` minutes before the moment."""
    started = MOMENT - timedelta(minutes=number)
    ended = status not in {"RUNNING", "PAUSED", "UNKNOWN"}
    run_id = f"{number:06x}aa-0000-4000-8000-000000000000"
    row: dict[str, object] = {
        "id": f"row-{number}",
        "workflow_run": {
            "id": run_id,
            "version": "2026-11-01 08:30:12.345678",
            "status": WORDS.get(status, status.lower()),
            "triggered_from": "app-run",
            "error": error or None,
            "elapsed_time": elapsed if ended else 0.0,
            "total_tokens": tokens if ended else 0,
            "total_steps": 5 if ended else 0,
            "exceptions_count": 0,
        },
        "created_from": "service-api",
        "created_by_role": "end_user",
        "created_by_end_user": {"type": "service_api", "session_id": by},
    }
    fields = row if detail is None else {**row, "detail": detail}
    values: dict[str, object] = {
        "id": f"row-{number}",
        "workflow_id": "app",
        "status": JobStatus(status),
        "trigger": Trigger(""),
        "started_at": started,
        "created_at": started,
        "completed_at": started + timedelta(seconds=elapsed) if ended else None,
        "run_id": run_id,
        "by": by,
        "error": error,
        "fields": fields,
        **changes,
    }
    return Job(**values)  # type: ignore[arg-type]


def tree_of(*runs: Job, more: bool = False) -> TreeModel:
    """Return a tree that has read some runs, and knows of ``more``."""
    tree = TreeModel(TreeSubject("run", "runs", "app", "apps", runs=True))
    tree.workflows.extend(tree.put_workflows([APP]), None)
    tree.set_expanded("app", True)
    branch = tree.branch("app")
    assert branch is not None
    following = ListPosition(cursor="on") if more else None
    branch.show(JobFilter())
    branch.listing.extend(branch.put(runs), following)
    tree.touch()
    return tree


def put_on_top(tree: TreeModel, *runs: Job) -> None:
    """Let newer runs come in above what is loaded."""
    branch = tree.branch("app")
    assert branch is not None
    listing = branch.listing
    listing.refresh([*branch.put(runs), *listing.ids], listing.next_place)
    tree.touch()
