"""The words of a job's row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.core.text import clean
from chronotui.core.times import age, human_duration
from chronotui.core.tree.columns import LONG_AGE, LONG_TRY, columns_for
from chronotui.core.tree.pieces import Piece, Role, sign_of

if TYPE_CHECKING:
    from datetime import datetime

    from chronotui.core.tree.branch import Branch
    from chronotui.model import Job


def job_pieces(branch: Branch, job: Job, width: int, now: datetime) -> list[Piece]:
    """Return a job's row in columns: sign, id, trigger, age, duration, attempts.

    Args:
        branch: The workflow it belongs to.
        job: The job.
        width: Cells of the row; the pieces fill them or fewer.
        now: The time ages and running durations are told against, aware.
    """
    ids = branch.jobs.short_ids
    columns = columns_for(width, ids.length)
    glyph, role = sign_of(job.status)
    alarming = role is Role.FAILED
    words = role if alarming else Role.PLAIN
    pieces = [
        Piece("", Role.PLAIN, columns.indent),
        Piece(glyph, Role.FAILED_SIGN if alarming else role, 1),
        Piece("", Role.PLAIN, 1),
        Piece(clean(ids.of(job.id)), words, columns.id),
    ]
    cells = (
        (_trigger(job, columns.trigger), Role.MUTED, columns.trigger, False),
        (_age(job, now, columns.age), _age_role(role), columns.age, False),
        (_duration(job, now, columns.duration), words, columns.duration, True),
        (_attempts(job, columns.attempts), Role.PLAIN, columns.attempts, False),
    )
    for text, cell_role, cell_width, right in cells:
        if cell_width:
            pieces.append(Piece("", Role.PLAIN, 1))
            pieces.append(Piece(text, cell_role, cell_width, right))
    return pieces


def is_ticking(job: Job) -> bool:
    """Whether a job's row changes by itself every second."""
    return job.status == "RUNNING" and job.started_at is not None


def _trigger(job: Job, width: int) -> str:
    word = {"AUTOMATIC": "auto", "MANUAL": "manual"}.get(str(job.trigger))
    text = clean(str(job.trigger)).lower() if word is None else word
    return text if width > 1 else text[:1]


def _age_role(role: Role) -> Role:
    return Role.MUTED if role in {Role.COMPLETED, Role.CANCELED} else role


def _age(job: Job, now: datetime, width: int) -> str:
    """Return how long ago a job ended, or the word for what it does now."""
    if not job.status.is_terminal:
        return clean(str(job.status)).lower()
    ended = job.completed_at or job.updated_at or job.started_at or job.created_at
    if ended is None:
        return clean(str(job.status)).lower()
    text = age(max((now - ended).total_seconds(), 0.0))
    return f"{text} ago" if width >= LONG_AGE else text


def _duration(job: Job, now: datetime, width: int) -> str:
    """Return how long a job ran or has been running, "" when it is not known."""
    if job.started_at is None:
        return ""
    end = now if is_ticking(job) else job.completed_at
    if end is None:
        return ""
    seconds = max((end - job.started_at).total_seconds(), 0.0)
    text = human_duration(seconds)
    return text if len(text) <= width else age(seconds)


def _attempts(job: Job, width: int) -> str:
    if job.attempts is None or job.attempts < 2:
        return ""
    return f"try {job.attempts}" if width >= LONG_TRY else f"×{job.attempts}"
