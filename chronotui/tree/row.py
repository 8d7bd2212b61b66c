"""Words of a row, each with its width and the part it plays."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.text import clean
from chronotui.times import age, human_duration
from chronotui.tree.listing import NoteKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from chronotui.model import Job, JobStatus
    from chronotui.tree.listing import NoteLine
    from chronotui.tree.model import Branch


class Role(StrEnum):
    """The part a piece plays; the user interface gives each a style."""

    PLAIN = "plain"
    MUTED = "muted"
    NAME = "name"
    ALARM = "alarm"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    FAILED_SIGN = "failed-sign"
    CANCELED = "canceled"
    UNKNOWN = "unknown"


class RowPiece(NamedTuple):
    """Clean text for exactly ``width`` cells: cut or filled by whoever draws it."""

    text: str
    role: Role
    width: int
    right: bool = False


_SIGNS: Final[dict[str, tuple[str, Role]]] = {
    "RUNNING": ("●", Role.RUNNING),
    "PENDING": ("◌", Role.WAITING),
    "QUEUED": ("◌", Role.WAITING),
    "COMPLETED": ("✓", Role.COMPLETED),
    "FAILED": ("✗", Role.FAILED),
    "CANCELED": ("■", Role.CANCELED),
}


def sign_of(status: JobStatus) -> tuple[str, Role]:
    """Return the glyph of a job's state and the part it plays."""
    return _SIGNS.get(str(status), ("?", Role.UNKNOWN))


# Which columns of a job's row fit into a width.

GLYPH: Final = 2
LEAST_ID: Final = 6
LONG_AGE: Final = 10
LONG_ATTEMPT: Final = 9
WIDE: Final = 36
"""From this width on rows are indented like a tree."""

_GRANTS: Final = (
    ("age", 7),
    ("duration", 5),
    ("duration", 7),
    ("id", 0),
    ("attempts", 3),
    ("trigger", 1),
    ("trigger", 6),
    ("attempts", LONG_ATTEMPT),
    ("age", LONG_AGE),
)
"""Columns and widths in the order they are given room: what tells most comes first."""


class TreeColumns(NamedTuple):
    """Widths in cells, each without the space before it; 0 leaves a column out."""

    indent: int
    id: int
    trigger: int
    age: int
    duration: int
    attempts: int


@lru_cache(maxsize=64)
def columns_for(width: int, id_length: int) -> TreeColumns:
    """Share out a row's width.

    Args:
        width: Cells of the whole row.
        id_length: Cells the short ids of the list want.
    """
    indent = 1 if width < WIDE else 3
    left = max(width - indent - GLYPH - LEAST_ID, 0)
    cells = {"id": LEAST_ID, "trigger": 0, "age": 0, "duration": 0, "attempts": 0}
    for name, asked in _GRANTS:
        had = cells[name]
        wanted = asked or max(min(id_length, LEAST_ID + left), LEAST_ID)
        cost = wanted - had + (had == 0)
        if cost <= left:
            cells[name] = wanted
            left -= cost
    return TreeColumns(indent=indent, **cells)


# The words of a job's row.


def job_pieces(branch: Branch, job: Job, width: int, now: datetime) -> list[RowPiece]:
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
        RowPiece("", Role.PLAIN, columns.indent),
        RowPiece(glyph, Role.FAILED_SIGN if alarming else role, 1),
        RowPiece("", Role.PLAIN, 1),
        RowPiece(clean(ids.of(job.id)), words, columns.id),
    ]
    cells = (
        (_trigger(job, columns.trigger), Role.MUTED, columns.trigger, False),
        (_age(job, now, columns.age), _age_role(role), columns.age, False),
        (_duration(job, now, columns.duration), words, columns.duration, True),
        (_attempts(job, columns.attempts), Role.PLAIN, columns.attempts, False),
    )
    for text, cell_role, cell_width, right in cells:
        if cell_width:
            pieces.append(RowPiece("", Role.PLAIN, 1))
            pieces.append(RowPiece(text, cell_role, cell_width, right))
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
    return f"attempt {job.attempts}" if width >= LONG_ATTEMPT else f"×{job.attempts}"


# The words of a workflow's row, and of the notes below lists.

LEAST_NAME: Final = 14
NOTE_SIGNS: Final = {
    NoteKind.MORE: ("⋮", Role.MUTED),
    NoteKind.LOADING: ("⋮", Role.MUTED),
    NoteKind.PROBLEM: ("✗", Role.ALARM),
    NoteKind.SAID: ("·", Role.MUTED),
}


def workflow_pieces(branch: Branch, width: int, *, open_: bool) -> list[RowPiece]:
    """Return a workflow's row: its name, and at the right what is to be known of it.

    Args:
        branch: The workflow.
        width: Cells of the row, which the pieces fill.
        open_: Whether its jobs are shown below it.
    """
    name = clean(branch.workflow.name) or clean(branch.workflow.id)
    left = width - 2
    room = left - min(len(name), LEAST_NAME)
    labels: list[RowPiece] = []
    for text, role in _labels(branch):
        if len(text) + 2 <= room:
            labels.append(RowPiece(text, role, len(text) + 2, right=True))
            room -= len(text) + 2
    name_width = left - sum(piece.width for piece in labels)
    return [
        RowPiece("▾ " if open_ else "▸ ", Role.MUTED, 2),
        RowPiece(name, Role.NAME, max(name_width, 1)),
        *labels,
    ]


def note_pieces(line: NoteLine, width: int, *, nested: bool) -> list[RowPiece]:
    """Return one row of a note below a list."""
    indent = 2 if nested else 0
    sign, role = NOTE_SIGNS[line.note.kind]
    return [
        RowPiece("", Role.PLAIN, indent),
        RowPiece(sign if line.first else "", role, 2),
        RowPiece(line.text, role, max(width - indent - 2, 1)),
    ]


def interval_words(minutes: int) -> str:
    """Return how often a workflow runs, in the largest unit that is exact."""
    for size, unit in ((1440, "d"), (60, "h")):
        if minutes >= 2 * size and minutes % size == 0:
            return f"every {minutes // size} {unit}"
    return f"every {minutes} min"


def _labels(branch: Branch) -> Iterator[tuple[str, Role]]:
    """Name what distinguishes a workflow, the most important first."""
    workflow = branch.workflow
    if workflow.consecutive_failures:
        yield f"✗ {workflow.consecutive_failures}", Role.FAILED
    if workflow.terminated_at is not None:
        yield "terminated", Role.MUTED
    elif workflow.build_status == "FAILED":
        yield "build failed", Role.FAILED
    elif workflow.build_status in {"QUEUED", "STARTED"}:
        yield "building", Role.WAITING
    if branch.keeps_no_logs:
        yield "no logs", Role.MUTED
    if workflow.interval_minutes and workflow.terminated_at is None:
        yield interval_words(workflow.interval_minutes), Role.MUTED
