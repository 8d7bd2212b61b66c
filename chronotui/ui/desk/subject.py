"""The opened job in a few words, for the line over its panes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.core.times import human_duration

if TYPE_CHECKING:
    from datetime import datetime

    from chronotui.model import Job, Workflow

SHORT_ID: Final = 8
"""Characters of an id whose list is not loaded."""


def cut_id(job: Job) -> str:
    """Return the beginning of a job's id, where no list says how much tells it."""
    return job.id[:SHORT_ID]


def name_of(workflow: Workflow | None, job: Job) -> str:
    """Return the workflow's name, or the beginning of its id."""
    return workflow.name if workflow is not None else job.workflow_id[:SHORT_ID]


def standing_of(job: Job, now: datetime, short_id: str = "") -> str:
    """Return e.g. ``8f3c21  FAILED after 2:10, 3 tries``; ``short_id`` as listed."""
    words = f"{short_id or cut_id(job)}  {job.status}"
    seconds = running_seconds(job, now)
    if seconds is not None:
        after = "after " if job.status.is_terminal else ""
        words += f" {after}{human_duration(seconds)}"
    if job.attempts is not None and job.attempts > 1:
        ended = job.status.is_terminal
        words += f", {job.attempts} tries" if ended else f"  try {job.attempts}"
    return words


def running_seconds(job: Job, now: datetime) -> float | None:
    """Return how long the job ran, or has been running; None before it started."""
    if job.started_at is None:
        return None
    end = job.completed_at or (None if job.status.is_terminal else now)
    if end is None:
        return None
    return max((end - job.started_at).total_seconds(), 0.0)
